import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let app: Server;
let pki: TestPki;
const received: { request: IncomingMessage; body: string }[] = [];

beforeAll(async () => {
  pki = await createTestPki();
  // An on-prem app: it echoes what it got, and echoes bytes over WebSocket's upgrade.
  app = createServer({ cert: pki.server.chainPem, key: pki.server.keyPem }, (request, response) => {
    const answer = (body: string) => {
      received.push({ request, body });
      if (request.url === "/app/cut") return void response.write("half", () => response.destroy());
      response.writeHead(201, { "set-cookie": "session=1", authorization: "Bearer leaked", "x-app": "yes" });
      response.end(`${request.method} ${request.url}`);
    };
    void text(request).then(answer);
  });
  app.on("upgrade", (request, socket) => {
    received.push({ request, body: "" });
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nset-cookie: a=b\r\n\r\n",
    );
    socket.on("data", (chunk: Buffer) => socket.write(`echo ${chunk.toString("utf8")}`));
    socket.on("error", () => {});
  });
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
  world = await startWorld({
    pki,
    configure(config) {
      const { port } = app.address() as AddressInfo;
      config["backends"].erp = {
        endpoint: `https://localhost:${port}/app`,
        credential: "gateway",
        caFile: "root.pem",
      };
      config["backends"].gone = { endpoint: "https://127.0.0.1:1", credential: "gateway" };
      config["routes"] = {
        erp: { kind: "http", path: "/erp/", backend: "erp" },
        hr: { kind: "http", path: "/hr/", backend: "erp" },
        gone: { kind: "http", path: "/gone/", backend: "gone" },
      };
      config["clients"]["device-1"].routes = ["erp", "gone"];
    },
  });
});
afterAll(async () => {
  await world.stop();
  app.closeAllConnections();
  app.close();
});

const last = () => received.at(-1)!;

describe("a route", () => {
  it("forwards any method, path and body with the gateway's token", async () => {
    const answer = await world.ask({
      method: "PUT",
      path: "/erp/orders/7?x=%2F1&x=2",
      headers: { authorization: "Bearer client", cookie: "c=1", "x-app-tenant": "7" },
      body: "payload",
    });
    expect([answer.status, answer.text]).toEqual([201, "PUT /app/orders/7?x=%2F1&x=2"]);
    const { request, body } = last();
    expect(body).toBe("payload");
    expect(request.headers.authorization).toMatch(/^Bearer /);
    expect(request.headers.authorization).not.toBe("Bearer client");
    expect(request.headers.cookie).toBeUndefined();
    expect(request.headers["x-app-tenant"]).toBe("7");
    expect(request.headers["x-certgate-client"]).toBe("device-1");
  });

  it("sends our token and not the client's when the client sends Expect", async () => {
    await world.ask({
      path: "/erp/a",
      headers: { authorization: "Bearer client", expect: "100-continue" },
      body: "payload",
    });
    expect(last().request.headers.authorization).not.toBe("Bearer client");
    expect(last().request.headers.expect).toBeUndefined();
    expect(last().body).toBe("payload");
  });

  it("lets no cookie and no credential of the backend through", async () => {
    const { headers } = await world.ask({ path: "/erp/a" });
    expect(headers["x-app"]).toBe("yes");
    expect(headers["set-cookie"]).toBeUndefined();
    expect(headers["authorization"]).toBeUndefined();
    expect(headers["x-certgate-answered-by"]).toBe("backend");
  });

  it("is closed to clients that it was not granted to", async () => {
    const before = received.length;
    const answer = await world.ask({ path: "/hr/a" });
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([403, "operation_not_permitted"]);
    expect(received).toHaveLength(before);
  });

  it.each([
    "/erp/../hr/a",
    "/erp/%2e%2e/hr/a",
    "/erp/..%2fhr/a",
    "/erp/a//b",
    "/erp/a\\b",
    "/erp/;x/a",
    "/erp/%252e%252e/hr",
  ])("refuses %s", async (path) => {
    const before = received.length;
    expect((await world.ask({ path })).headers["x-certgate-reason"]).toBe("request_malformed");
    expect(received).toHaveLength(before);
  });

  it("says that its backend is not to be reached, and not where it is", async () => {
    const answer = await world.ask({ path: "/gone/secret-path?key=1" });
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([502, "backend_unreachable"]);
    expect(answer.text).not.toMatch(/127\.0\.0\.1|secret-path/);
  });

  it("cuts the connection when its backend breaks off midway", async () => {
    await expect(world.ask({ path: "/erp/cut" })).rejects.toThrow(/aborted|reset|hang up/i);
  });
});

describe("a WebSocket upgrade", () => {
  const upgrade = async (path: string, withCertificate = true) => {
    const socket = connect({
      host: "localhost",
      port: world.certgate.port,
      ca: pki.root.pem,
      ...(withCertificate ? { cert: pki.client.chainPem, key: pki.client.keyPem } : {}),
    });
    await once(socket, "secureConnect");
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nauthorization: Bearer client\r\n` +
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const [first] = (await once(socket, "data")) as [Buffer];
    return { socket, head: first.toString("latin1") };
  };

  it("on a route becomes a tunnel with our credential", async () => {
    const { socket, head } = await upgrade("/erp/live");
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head.toLowerCase()).not.toContain("set-cookie");
    socket.write("ping");
    const [echo] = (await once(socket, "data")) as [Buffer];
    expect(echo.toString("utf8")).toBe("echo ping");
    expect(last().request.headers.authorization).not.toBe("Bearer client");
    expect(last().request.url).toBe("/app/live");
    socket.destroy();
  });

  it("outside a route is refused with its reason", async () => {
    const { socket, head } = await upgrade("/openai/v1/models");
    expect(head).toMatch(/^HTTP\/1\.1 404 /);
    expect(head).toContain("operation_unknown");
    socket.destroy();
  });

  it("without a certificate is refused", async () => {
    const { socket, head } = await upgrade("/erp/live", false);
    expect(head).toMatch(/^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  it("towards a dead backend is refused with its reason", async () => {
    const { socket, head } = await upgrade("/gone/live");
    expect(head).toMatch(/^HTTP\/1\.1 502 /);
    socket.destroy();
  });
});
