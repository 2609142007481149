import { once } from "node:events";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type HostileWorld, startHostileWorld, statusOf, unharmed } from "../support/hostile.ts";

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld(() => {});
});
afterAll(() => world.stop());

const failedHandshakes = () => world.metric("certgate_tls_handshake_errors_total");
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

function connectAs(options: ConnectionOptions): TLSSocket {
  const { hostile, pki, certgate } = world;
  const socket = connect({
    host: "127.0.0.1",
    port: certgate.port,
    ca: pki.root.pem,
    servername: "localhost",
    cert: hostile.chainPem,
    key: hostile.keyPem,
    ...options,
  });
  onTestFinished(() => void socket.destroy());
  return socket;
}

describe("what is no TLS", () => {
  it.each([
    ["an HTTP/1.1 request in the clear", "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"],
    ["HTTP/2 in the clear", http2Preface],
    ["a PROXY header", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"],
    ["zeroes", "\0".repeat(4096)],
    ["a handshake record with rubbish in it", `\x16\x03\x01\x02\x00${"\x01\xff".repeat(256)}`],
    ["a handshake message of 16 MiB", `\x16\x03\x01\x40\x00\x01\xff\xff\xff${"\0".repeat(16_380)}`],
  ])("%s: the connection is ended without an answer in HTTP", async (_what, bytes) => {
    const before = await failedHandshakes();
    const ends = Array.from({ length: 30 }, () => {
      const { socket, ended } = world.openTcp();
      socket.write(bytes, "latin1");
      return ended;
    });
    expect(await world.neighbourDuring(Promise.all(ends))).toMatchObject(unharmed);
    // At most a TLS alert.
    for (const end of await Promise.all(ends)) expect(end).not.toContain("HTTP");
    expect((await failedHandshakes()) - before).toBe(30);
  });
});

describe("a version of TLS", () => {
  it.each(["TLSv1", "TLSv1.1"] as const)("%s is refused", async (version) => {
    const before = await failedHandshakes();
    const socket = connectAs({ minVersion: version, maxVersion: version, ciphers: "ALL:@SECLEVEL=0" });
    const [fault] = (await once(socket, "error")) as [Error & { code: string }];
    expect(fault.code).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    expect((await failedHandshakes()) - before).toBe(1);
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("%s is spoken", async (version) => {
    const socket = connectAs({ minVersion: version, maxVersion: version });
    await once(socket, "secureConnect");
    expect(socket.getProtocol()).toBe(version);
  });
});

describe("a TLS 1.2 client that renegotiates", () => {
  it("is refused that, and so cannot make one connection pay for many handshakes", async () => {
    const socket = connectAs({ maxVersion: "TLSv1.2" });
    await once(socket, "secureConnect");
    const outcome = await new Promise<Error | null>((resolve) => {
      socket.once("error", resolve);
      socket.renegotiate({}, resolve);
    });
    expect(outcome).toMatchObject({ code: "ERR_SSL_NO_RENEGOTIATION" });
  });
});

describe("a session", () => {
  it.each(["TLSv1.2", "TLSv1.3"] as const)("of %s is not resumed", async (version) => {
    const options = { minVersion: version, maxVersion: version } as const;
    const first = connectAs(options);
    const sessions: Buffer[] = [];
    first.on("session", (session: Buffer) => sessions.push(session));
    first.write("GET /openai/v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n");
    // With the answer everything has come that follows a handshake. OpenSSL sends TLS 1.3 clients tickets all the same:
    // the names of sessions in a store that the gateway does not have.
    await once(first, "data");
    const session = sessions.at(-1);
    if (session === undefined) throw new Error("no session to offer");
    const second = connectAs({ ...options, session });
    await once(second, "secureConnect");
    expect(second.isSessionReused()).toBe(false);
  });
});

describe("HTTP/2", () => {
  it("as the only protocol that a client takes ends the handshake", async () => {
    const [fault] = (await once(connectAs({ ALPNProtocols: ["h2"] }), "error")) as [Error & { code: string }];
    expect(fault.code).toMatch(/ALERT_NO_APPLICATION_PROTOCOL$/);
  });

  it("is not spoken to a client that takes HTTP/1.1, too", async () => {
    const socket = connectAs({ ALPNProtocols: ["h2", "http/1.1"] });
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).toBe("http/1.1");
  });

  it.each([
    ["its preface", http2Preface],
    ["rubbish", "\0\x01\x02\xff\xfe rubbish\r\n\r\n"],
    ["a TLS handshake inside TLS", "\x16\x03\x01\x02\x00\x01"],
  ])("%s after the handshake: 400, and the connection ends", async (_what, bytes) => {
    const { socket, ended } = await world.open();
    socket.write(bytes, "latin1");
    const answer = await ended;
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain("x-certgate-reason: request_malformed");
  });
});

describe("a header", () => {
  it("is not overlooked behind thousands of others", async () => {
    const { socket, ended } = await world.open();
    const many = "a:b\r\n".repeat(2500);
    socket.write(
      `POST /openai/v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n` +
        `content-type: application/json\r\nconnection: close\r\n${many}content-encoding: gzip\r\n\r\n{}`,
    );
    const answer = await ended;
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain("content-encoding");
  });
});

describe("headers that are too large", () => {
  it.each([
    ["one of 20 kB", `x-large: ${"a".repeat(20_000)}`],
    ["thousands of short ones", Array.from({ length: 4000 }, (_, at) => `x-${at}: a`).join("\r\n")],
  ])("(%s) are refused before they are read to their end", async (_what, headers) => {
    const { socket, ended } = await world.open();
    socket.write(`GET /openai/v1/models HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n\r\n`);
    const answer = await ended;
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain("headers are too large");
  });
});
