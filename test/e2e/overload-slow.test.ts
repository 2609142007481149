import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type HostileConnection,
  type HostileWorld,
  startHostileWorld,
  statusOf,
  unharmed,
} from "../support/hostile.ts";
import { boundary } from "../support/upload.ts";

let world: HostileWorld;
let app: Server;
const arrived: IncomingMessage[] = [];
beforeAll(async () => {
  world = await startHostileWorld((config) => {
    config["limits"] = { headerSeconds: 1, bodyStallSeconds: 1 };
    config["routes"] = { app: { kind: "http", path: "/app/", backend: "app" } };
    config["backends"]["app"] = { ...config["backends"]["main"] };
    config["clients"]["hostile"].routes = ["app"];
  });
  app = createServer(
    { cert: world.pki.server.chainPem, key: world.pki.server.keyPem },
    (request, response) => {
      arrived.push(request);
      request.on("error", () => {});
      request.resume().once("end", () => response.end("whole"));
    },
  );
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
  const outcome = await world.reconfigure((config) => {
    config["backends"]["app"].endpoint = `https://localhost:${(app.address() as AddressInfo).port}`;
  });
  if (outcome.outcome !== "applied") throw new Error(outcome.outcome);
});
afterAll(async () => {
  await world.stop();
  app.closeAllConnections();
  app.close();
});

/** Sends a byte now and then, until the other side has enough. */
async function drip({ socket, ended }: HostileConnection, byte: string): Promise<string> {
  const timer = setInterval(() => socket.writable && socket.write(byte), 100);
  return ended.finally(() => clearInterval(timer));
}

/** What a client got to hear that begins and then drips, while its neighbour is served. */
async function endOf(
  opening: Promise<HostileConnection> | HostileConnection,
  first: string,
  byte: string,
): Promise<string> {
  const connection = await opening;
  connection.socket.write(first);
  const cut = drip(connection, byte);
  expect(await world.neighbourDuring(cut)).toMatchObject(unharmed);
  return cut;
}

describe("a client that takes its time", () => {
  it("over its handshake is cut after ten seconds", async () => {
    const before = await world.metric("certgate_tls_handshake_errors_total");
    // A record's header that announces more than ever comes.
    expect(await endOf(world.openTcp(), "\x16\x03\x01\x02\x00", "\x01")).toBe("");
    expect((await world.metric("certgate_tls_handshake_errors_total")) - before).toBe(1);
  });

  it("over its first request's headers is told, and cut", async () => {
    const answer = await endOf(world.open(), "GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ", "a");
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain("took too long");
  });

  it("and sends nothing at all after its handshake is cut", async () => {
    const before = await world.shed("request_late");
    const { ended } = await world.open();
    expect(await ended).toContain("took too long");
    expect((await world.shed("request_late")) - before).toBe(1);
  });

  it("over the body of a form is told, and cut", async () => {
    const connection = await world.open();
    connection.socket.write(
      `POST /openai/v1/audio/transcriptions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n` +
        `content-type: multipart/form-data; boundary=${boundary}\r\n\r\n--${boundary}`,
    );
    const answer = await connection.ended;
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain("stopped arriving");
  });

  it("over a body on a route is told, and cut; the app never has it whole", async () => {
    const before = await world.shed("body_stalled");
    const answer = await endOf(
      world.open(),
      "POST /app/upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nbegin",
      "a",
    );
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain("stopped arriving");
    expect((await world.shed("body_stalled")) - before).toBe(1);
    const [request] = arrived;
    expect(request).toMatchObject({ url: "/upload", complete: false });
    const record = (await world.log()).find(({ operation }) => operation === "route:app");
    expect(record).toMatchObject({ decision: "denied", reason: "request_malformed", status: 400 });
  });
});

it("a client whose body keeps coming is served on the same route", async () => {
  const connection = await world.open();
  const piece = "x".repeat(2000);
  connection.socket.write(
    `POST /app/upload HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ${piece.length * 25}\r\n\r\n`,
  );
  for (let count = 0; count < 25; count += 1) {
    connection.socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await connection.ended).toContain("whole");
});
