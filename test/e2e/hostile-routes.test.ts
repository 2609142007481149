import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { text } from "node:stream/consumers";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RawBackend, startRawBackend } from "../support/raw-backend.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let pki: TestPki;
let backend: RawBackend;

beforeAll(async () => {
  pki = await createTestPki();
  backend = await startRawBackend(pki);
  world = await startWorld({
    pki,
    configure(config) {
      config["backends"].app = { endpoint: `${backend.url}/app`, credential: "gateway", caFile: "root.pem" };
      config["routes"] = { app: { kind: "http", path: "/app-route/", backend: "app" } };
      config["clients"]["device-1"].routes = ["app"];
      config["timeouts"] = { firstByteSeconds: 1 };
    },
  });
});
afterAll(async () => {
  await world.stop();
  backend.stop();
});
const fine = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
beforeEach(() => {
  backend.answer = fine;
});

async function dial(): Promise<TLSSocket> {
  const socket = connect({
    host: "localhost",
    port: world.certgate.port,
    ca: pki.root.pem,
    cert: pki.client.chainPem,
    key: pki.client.keyPem,
  });
  await once(socket, "secureConnect");
  return socket;
}

/** Sends the raw request and reads until the gateway closes. */
async function exchange(raw: string): Promise<string> {
  const socket = await dial();
  socket.write(raw);
  return text(socket);
}

const smuggled = "GET /app/admin HTTP/1.1\r\nhost: x\r\nx-certgate-client: boss\r\n\r\n";
const upgrade =
  "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

describe("a body never becomes a second request at the backend", () => {
  it.each(["GET", "HEAD", "DELETE", "OPTIONS", "POST"])(
    "%s whose Connection names Content-Length is refused",
    async (method) => {
      const before = backend.received.length;
      const answer = await exchange(
        `${method} /app-route/a HTTP/1.1\r\nhost: x\r\nconnection: close, content-length\r\ncontent-length: ${smuggled.length}\r\n\r\n${smuggled}`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(backend.received).toHaveLength(before);
    },
  );

  it.each(["GET", "DELETE", "OPTIONS", "POST"])("%s with a body is framed as it came", async (method) => {
    const before = backend.received.length;
    await exchange(
      `${method} /app-route/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${smuggled.length}\r\n\r\n${smuggled}`,
    );
    const bytes = backend.received.slice(before).join("") || (backend.received.at(-1) ?? "");
    const [head = "", ...rest] = bytes.slice(bytes.lastIndexOf(`${method} /app/a HTTP`)).split("\r\n\r\n");
    expect(head.toLowerCase()).toContain(`content-length: ${smuggled.length}`);
    expect(rest.join("\r\n\r\n")).toBe(smuggled);
  });

  it.each(["content-length: 5\r\n", "transfer-encoding: chunked\r\n"])(
    "an upgrade with %s is refused",
    async (framing) => {
      const before = backend.received.length;
      const answer = await exchange(
        `GET /app-route/ws HTTP/1.1\r\nhost: x\r\n${upgrade}${framing}\r\n5\r\nhello\r\n0\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(backend.received).toHaveLength(before);
    },
  );
});

describe("a hostile backend", () => {
  it.each([
    ["a status below 100", "HTTP/1.1 099 Huh\r\ncontent-length: 0\r\n\r\n", 502],
    ["a status of 000", "HTTP/1.1 000 Huh\r\ncontent-length: 0\r\n\r\n", 502],
    ["a control byte in its status line", "HTTP/1.1 200 O\u0001K\r\ncontent-length: 2\r\n\r\nok", 200],
  ])("with %s does not end the process", async (_what, answer, status) => {
    backend.answer = answer;
    const got = await world.ask({ path: "/app-route/a" });
    expect(got.status).toBe(status);
    backend.answer = fine;
    expect((await world.ask({ path: "/openai/v1/models" })).status).toBe(200);
  });

  it("that switches protocols unasked is a 502", async () => {
    backend.answer = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
    const { status, headers } = await world.ask({ path: "/app-route/a" });
    expect([status, headers["x-certgate-reason"]]).toEqual([502, "backend_unreachable"]);
  });

  it("that stays silent is a 504", async () => {
    backend.answer = undefined;
    const { status, headers } = await world.ask({ path: "/app-route/a" });
    expect([status, headers["x-certgate-reason"]]).toEqual([504, "backend_timeout"]);
  });

  it("that stays silent to an upgrade is a 504", async () => {
    backend.answer = undefined;
    const answer = await exchange(`GET /app-route/ws HTTP/1.1\r\nhost: x\r\n${upgrade}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 504 /);
  });

  it("does not get through with headers that its Connection names, or that only we may set", async () => {
    backend.answer =
      "HTTP/1.1 200 OK\r\nconnection: x-int\r\nx-int: secret\r\nx-certgate-client: other\r\ncontent-length: 2\r\n\r\nok";
    const { headers } = await world.ask({ path: "/app-route/a" });
    expect([headers["x-int"], headers["x-certgate-client"]]).toEqual([undefined, undefined]);
  });
});

const connections = async () => {
  const metrics = await (await world.admin("/metrics")).text();
  return Number(/^certgate_connections(?:\{[^}]*\})? (\d+)/m.exec(metrics)?.[1]);
};

describe("a hostile client", () => {
  it.each(["TRACE", "CONNECT"])(
    "gets no %s through, with which a backend would echo our token",
    async (method) => {
      const before = backend.received.length;
      await exchange(`${method} /app-route/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`).catch(
        () => "",
      );
      expect(backend.received).toHaveLength(before);
    },
  );

  it("cannot hide dot segments in overlong UTF-8", async () => {
    const { headers } = await world.ask({ path: "/app-route/%c0%ae%c0%ae/admin" });
    expect(headers["x-certgate-reason"]).toBe("request_malformed");
  });

  it("that goes takes the backend's side of its tunnel along", async () => {
    backend.answer = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
    const connecting = backend.next();
    const socket = await dial();
    socket.write(`GET /app-route/ws HTTP/1.1\r\nhost: x\r\n${upgrade}\r\n`);
    const far = await connecting;
    await once(socket, "data");
    const closed = once(far, "close");
    socket.destroy();
    await closed;
    expect(far.destroyed).toBe(true);
  });

  it.each([
    ["a malformed request", "NONSENSE\r\n\r\n"],
    ["a refused upgrade", `GET /openai/v1/realtime HTTP/1.1\r\nhost: x\r\n${upgrade}\r\n`],
  ])("cannot keep its connection half open after %s", async (_what, raw) => {
    const before = await connections();
    const tcp = connectTcp({ host: "localhost", port: world.certgate.port, allowHalfOpen: true });
    const socket = connect({ socket: tcp, servername: "localhost", ca: pki.root.pem });
    await once(socket, "secureConnect");
    socket.write(raw);
    socket.resume();
    // Our side never ends; the gateway's does, and then its connection is gone, not half open.
    await once(socket, "end");
    await expect.poll(connections, { timeout: 5000 }).toBe(before);
    socket.destroy();
  });

  it("that is refused has nothing else of its connection decided or logged", async () => {
    const socket = connect({ host: "localhost", port: world.certgate.port, ca: pki.root.pem });
    await once(socket, "secureConnect");
    const before = (await world.log()).filter(({ msg }) => msg === "request").length;
    // No more than may be pipelined: beyond that the connection is cut before anything is said.
    socket.write("GET /openai/v1/models HTTP/1.1\r\nhost: x\r\n\r\n".repeat(30));
    expect(await text(socket)).toContain("client_certificate_missing");
    const after = (await world.log()).filter(({ msg }) => msg === "request").length;
    expect(after - before).toBe(1);
  });
});
