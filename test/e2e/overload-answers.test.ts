import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chat, type HostileWorld, startHostileWorld, statusOf, unharmed } from "../support/hostile.ts";

let world: HostileWorld;
let app: Server;
/** Far more than the buffers on the way hold. */
const downloadBytes = 48 * 1024 * 1024;
const downloads: { readonly response: ServerResponse; sent: number }[] = [];
beforeAll(async () => {
  world = await startHostileWorld((config) => {
    config["limits"] = { pipelinedRequests: 8, unreadSeconds: 2 };
    config["routes"] = { app: { kind: "http", path: "/app/", backend: "app" } };
    config["backends"]["app"] = { ...config["backends"]["main"] };
    config["clients"]["hostile"].routes = ["app"];
  });
  app = createServer(
    { cert: world.pki.server.chainPem, key: world.pki.server.keyPem },
    (_request, response) => void send(response),
  );
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
  await world.reconfigure((config) => {
    config["backends"]["app"].endpoint = `https://localhost:${(app.address() as AddressInfo).port}`;
  });
});
afterAll(async () => {
  await world.stop();
  app.closeAllConnections();
  app.close();
});

async function send(response: ServerResponse): Promise<void> {
  const piece = Buffer.alloc(64 * 1024, "x");
  const download = { response, sent: 0 };
  downloads.push(download);
  response.writeHead(200, { "content-length": downloadBytes });
  const gone = once(response, "close");
  while (download.sent < downloadBytes && !response.destroyed) {
    download.sent += piece.length;
    if (!response.write(piece)) await Promise.race([once(response, "drain"), gone]);
  }
  response.end();
}

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n${more}\r\n`;

describe("a client that does not read its answer", () => {
  it("is cut, its backend hears of it, and little of the answer was held for it", async () => {
    const before = await world.shed("answer_unread");
    const { socket } = await world.open();
    socket.pause();
    socket.write(get("/app/large"));
    await expect.poll(() => downloads.length).toBe(1);
    const download = downloads[0] as (typeof downloads)[number];
    expect(await world.neighbourDuring(once(download.response, "close"))).toMatchObject(unharmed);
    expect(download.sent).toBeLessThan(downloadBytes / 2);
    expect((await world.shed("answer_unread")) - before).toBe(1);
    const record = (await world.log()).find(({ operation }) => operation === "route:app");
    expect(record).toMatchObject({ client: "hostile", status: 499 });
  });

  it("is not cut when it reads slowly, but reads", async () => {
    const before = await world.shed("answer_unread");
    const { socket, ended } = await world.open();
    // It stands still again and again, each time for less than the limit, and all together for longer.
    let [got, pauses] = [0, 0];
    socket.on("data", (chunk: Buffer) => {
      got += chunk.length;
      if (got <= (pauses + 1) * 10 * 1024 * 1024) return;
      pauses += 1;
      socket.pause();
      setTimeout(() => socket.resume(), 1000);
    });
    socket.write(get("/app/large", "connection: close\r\n"));
    await ended;
    expect(got).toBeGreaterThan(downloadBytes);
    expect((await world.shed("answer_unread")) - before).toBe(0);
  }, 60_000);

  it("may wait for a slow backend for longer than it may leave an answer unread", async () => {
    const gate = Promise.withResolvers<void>();
    world.azure.openAi.setPace({ afterEvent: () => gate.promise });
    const { socket, ended } = await world.open();
    const body = JSON.stringify({ ...chat.body, stream: true });
    socket.write(
      `POST ${chat.path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    );
    await once(socket, "data");
    setTimeout(() => gate.resolve(), 4000);
    expect(await ended).toContain("data: [DONE]");
    world.azure.openAi.setPace({});
  });
});

describe("a client that sends requests ahead", () => {
  it("gets their answers in order, one after the other", async () => {
    const { socket, ended } = await world.open();
    const paths = ["/openai/v1/models", "/openai/v1/nothing", "/openai/v1/models"];
    socket.write(paths.map((path) => get(path)).join("") + get("/openai/v1/models", "connection: close\r\n"));
    const statuses = [...(await ended).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    expect(statuses).toEqual(["200", "404", "200", "200"]);
  });

  it("is cut with more than may wait, and its neighbour is served", async () => {
    const before = await world.shed("pipelined_requests");
    const asked = downloads.length;
    const flood = Array.from({ length: 20 }, async () => {
      const { socket, ended } = await world.open();
      socket.pause();
      socket.write(get("/app/large").repeat(50));
      // Reading again shows the end that has come.
      await new Promise((resolve) => setTimeout(resolve, 200));
      socket.resume();
      return ended;
    });
    expect(await world.neighbourDuring(Promise.all(flood))).toMatchObject(unharmed);
    expect((await world.shed("pipelined_requests")) - before).toBe(20);
    // Of fifty, at most the first was ever served.
    expect(downloads.length - asked).toBeLessThanOrEqual(20);
  });

  it("cannot have an upgrade among them answered before its turn", async () => {
    const before = await world.shed("pipelined_requests");
    const { socket, ended } = await world.open();
    const upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n";
    const ahead = get("/app/large", `${upgrade}sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n`);
    socket.write(get("/app/large") + ahead);
    expect(await ended).not.toContain("HTTP/1.1 101");
    expect((await world.shed("pipelined_requests")) - before).toBe(1);
  });

  it("gets nothing served that follows a refusal which ends the connection", async () => {
    const { socket, ended } = await world.open();
    socket.write(
      `POST /app/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc`,
    );
    socket.write(get("/openai/v1/models"));
    const text = await ended;
    expect(statusOf(text)).toBe(400);
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });
});
