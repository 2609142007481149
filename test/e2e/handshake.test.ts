import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

async function dial(options: object = {}): Promise<TLSSocket> {
  const { client, root } = world.pki;
  const socket = connect({
    host: "localhost",
    port: world.certgate.port,
    ca: root.pem,
    cert: client.chainPem,
    key: client.keyPem,
    ...options,
  });
  await once(socket, "secureConnect");
  return socket;
}

async function readAll(socket: TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1");
}

describe("the listener", () => {
  it("answers a caller without a certificate in JSON and closes", async () => {
    const answer = await world.ask({ path: "/openai/v1/models" }, "none");
    expect([answer.status, answer.json.error.code]).toEqual([401, "client_certificate_missing"]);
    expect(answer.headers.connection).toBe("close");
  });

  it("decides before it asks for a body", async () => {
    const socket = await dial({ cert: undefined, key: undefined });
    socket.write(
      "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n" +
        "content-type: application/json\r\ncontent-length: 10\r\n\r\n",
    );
    const answer = await readAll(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).not.toContain("100 Continue");
  });

  it("asks for no body that could not make the request a granted one", async () => {
    const socket = await dial();
    socket.write(
      "POST /openai/deployments/gpt-other/chat/completions?api-version=2024-10-21 HTTP/1.1\r\nhost: x\r\n" +
        "expect: 100-continue\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n",
    );
    const answer = await readAll(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).not.toContain("100 Continue");
  });

  it("asks for the body once the head is allowed", async () => {
    const socket = await dial();
    const body = JSON.stringify({ model: "gpt-test", messages: [] });
    socket.write(
      "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n" +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(first.toString("latin1")).toMatch(/^HTTP\/1\.1 100 Continue/);
    socket.write(body);
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("speaks TLS 1.3, and 1.2 to those who cannot", async () => {
    const preferred = await dial();
    const older = await dial({ maxVersion: "TLSv1.2" });
    expect([preferred.getProtocol(), older.getProtocol()]).toEqual(["TLSv1.3", "TLSv1.2"]);
    preferred.destroy();
    older.destroy();
  });

  it("refuses TLS 1.1", async () => {
    await expect(
      dial({ minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
    ).rejects.toThrow(/protocol|version|alert/i);
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("never resumes a %s session", async (version) => {
    const first = await dial({ minVersion: version, maxVersion: version });
    let session: Buffer | undefined = first.getSession();
    first.on("session", (ticket) => {
      session = ticket;
    });
    // An answer has been read: any ticket that the server sends would have come before it.
    first.write("GET /openai/v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    await readAll(first);
    const second = await dial({ minVersion: version, maxVersion: version, session });
    expect(second.isSessionReused()).toBe(false);
    second.destroy();
  });

  it("keeps a trusted connection open after a request that was only wrong", async () => {
    const socket = await dial();
    socket.write("GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n");
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(first.toString("latin1")).toMatch(/^HTTP\/1\.1 404 /);
    socket.write("GET /openai/v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each([
    ["two content lengths", "content-length: 2\r\ncontent-length: 3\r\n"],
    ["content-length with transfer-encoding", "content-length: 2\r\ntransfer-encoding: chunked\r\n"],
    ["a folded header", "x-a: 1\r\n  folded\r\n"],
    ["a bare line feed", "x-a: 1\nx-b: 2\r\n"],
  ])("refuses %s and closes", async (_what, lines) => {
    const before = world.azure.openAi.requests.count;
    const socket = await dial();
    socket.write(
      `POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${lines}\r\n{}`,
    );
    const answer = await readAll(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain("request_malformed");
    expect(world.azure.openAi.requests.count).toBe(before);
  });
});
