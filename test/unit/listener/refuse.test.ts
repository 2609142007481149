import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { refuse, type Refusal } from "../../../src/listener/refuse.ts";

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function serve(refusal: Refusal, connection: "close" | "keep"): Promise<number> {
  const server = createServer((request, response) => refuse(request, response, refusal, "id-1", connection));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function get(port: number): Promise<{ answer: IncomingMessage; body: unknown }> {
  const request = httpRequest({ port, host: "127.0.0.1" }).end();
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { answer, body: JSON.parse(Buffer.concat(chunks).toString("utf8")) };
}

describe("refuse", () => {
  it("answers in the shape that OpenAI clients print", async () => {
    const port = await serve({ code: "client_unknown", detail: "Because." }, "close");
    const { answer, body } = await get(port);
    expect(answer.statusCode).toBe(403);
    expect(answer.headers["x-certgate-reason"]).toBe("client_unknown");
    expect(answer.headers["x-certgate-request-id"]).toBe("id-1");
    expect(body).toEqual({
      error: {
        code: "client_unknown",
        message: "The certificate is valid, but no client entry matches it. Because.",
        type: "permission_error",
        param: null,
      },
      request_id: "id-1",
    });
  });

  it("closes the connection of a caller that is not trusted", async () => {
    const { answer } = await get(await serve({ code: "client_certificate_revoked" }, "close"));
    expect(answer.headers.connection).toBe("close");
  });

  it("keeps the connection of a caller that only asked wrongly", async () => {
    const { answer } = await get(await serve({ code: "request_malformed" }, "keep"));
    expect(answer.headers.connection).toBe("keep-alive");
  });

  it("tells when to come back", async () => {
    const { answer } = await get(
      await serve({ code: "credential_unavailable", retryAfterSeconds: 2.2 }, "close"),
    );
    expect(answer.headers["retry-after"]).toBe("3");
  });

  it("gets its answer to a client that is still sending its body, then closes", async () => {
    const port = await serve({ code: "body_too_large" }, "keep");
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n${"a".repeat(500_000)}`);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const answer = Buffer.concat(chunks).toString("latin1");
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer.toLowerCase()).toContain("connection: close");
    expect(answer).toContain('"body_too_large"');
  });
});
