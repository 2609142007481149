import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Http1ForwarderOptions } from "../../src/forward/adapters/http1/http1-forwarder.ts";
import { createTestPki, testPki } from "../support/test-pki.ts";
import { forward, forwarderTo } from "../support/forwarded.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";

/** A backend and a forwarder to it, with the connections that the backend has seen. */
async function startLane(
  listener: RequestListener,
  options: Partial<Http1ForwarderOptions> = {},
  tls: object = {},
) {
  const { server, root } = await testPki();
  const backend = createServer({ cert: server.chainPem, key: server.keyPem, ...tls }, listener);
  const connections: TLSSocket[] = [];
  backend.on("secureConnection", (socket) => connections.push(socket));
  backend.listen(0, "127.0.0.1");
  await once(backend, "listening");
  const { port } = backend.address() as AddressInfo;
  const forwarder = forwarderTo(`https://localhost:${port}`, root.pem, options);
  onTestFinished(async () => {
    backend.closeAllConnections();
    backend.close();
    await forwarder.close();
  });
  return { forwarder, backend, connections, port };
}

/** What a listener saw of a request, as the answer's body. */
const echo: RequestListener = (request, response) =>
  void whole(request).then((body) => {
    const { method, url, rawHeaders: raw } = request;
    return response.end(JSON.stringify({ method, url, raw, body: body.toString() }));
  });

const whole = async (request: IncomingMessage): Promise<Buffer> =>
  Buffer.concat((await request.toArray()) as Buffer[]);

describe("a request", () => {
  it("arrives as it was made, with its length and the origin's host", async () => {
    const { forwarder, port } = await startLane(echo);
    const { body } = await forward(forwarder, {
      method: "POST",
      path: "/openai/v1/x?y=%2F",
      headers: ["content-type", "application/json", "x-two", "1", "x-two", "2"],
      body: Buffer.from('{"é":1}'),
    }).over;
    expect(JSON.parse(body)).toEqual({
      method: "POST",
      url: "/openai/v1/x?y=%2F",
      raw: `host localhost:${port} connection keep-alive content-type application/json x-two 1 x-two 2 content-length 8`.split(
        " ",
      ),
      body: '{"Ã©":1}',
    });
  });

  it("says another host where one is given, and checks the certificate for the origin's", async () => {
    const { forwarder } = await startLane(echo, { hostHeader: "inside.example" });
    const { body } = await forward(forwarder).over;
    expect(JSON.parse(body)).toMatchObject({ raw: ["host", "inside.example", "connection", "keep-alive"] });
  });

  it.each([
    ["GET", []],
    ["DELETE", []],
    ["POST", ["content-length", "0"]],
  ])("without a body: %s", async (method, framing) => {
    const { forwarder, port } = await startLane(echo);
    const { body } = await forward(forwarder, { method }).over;
    expect(JSON.parse(body)).toMatchObject({
      raw: ["host", `localhost:${port}`, "connection", "keep-alive", ...framing],
      body: "",
    });
  });

  it("of ten megabytes arrives whole", async () => {
    const { forwarder } = await startLane(
      (request, response) => void whole(request).then(({ length }) => response.end(String(length))),
    );
    const body = Buffer.alloc(10 * 2 ** 20, "x");
    expect((await forward(forwarder, { method: "PUT", body }).over).body).toBe("10485760");
  });

  it("that is answered before all of it was taken has its answer, and its connection is not used again", async () => {
    const { forwarder, connections } = await startLane((request, response) => {
      if (request.method === "GET") return response.end("next");
      // Nothing more of it is read.
      request.pause();
      return response.writeHead(413).end("too long");
    });
    const body = Buffer.alloc(64 * 2 ** 20);
    expect(await forward(forwarder, { method: "PUT", body }).over).toMatchObject({
      status: 413,
      body: "too long",
    });
    expect((await forward(forwarder).over).body).toBe("next");
    expect(connections).toHaveLength(2);
  });

  it.each([
    ["a line end in a value", { headers: ["x", "a\r\nb: c"] }],
    ["a line end in a name", { headers: ["x\n", "a"] }],
    ["a space in the path", { path: "/a b" }],
    ["a method that is none", { method: "GET /" }],
    ["a length of its own", { headers: ["Content-Length", "5"] }],
    ["an encoding of its own", { headers: ["transfer-encoding", "chunked"] }],
    ["a host of its own", { headers: ["Host", "elsewhere"] }],
  ])("with %s is not sent", async (_what, request) => {
    let asked = 0;
    const { forwarder } = await startLane((_request, response) => response.end(String((asked += 1))));
    const { outcome } = await forward(forwarder, request).over;
    expect([outcome, asked]).toEqual([expect.objectContaining({ sent: false }), 0]);
  });
});

describe("an answer", () => {
  it("comes with its raw headers, and its connection is used again", async () => {
    const { forwarder, connections } = await startLane((_request, response) =>
      response.writeHead(429, ["X-Twice", "1", "x-twice", "2", "Date", "now"]).end("slow down"),
    );
    for (let turn = 0; turn < 3; turn += 1) {
      const { status, headers, body } = await forward(forwarder).over;
      expect([status, body]).toEqual([429, "slow down"]);
      expect(headers.slice(0, 6)).toEqual(["X-Twice", "1", "x-twice", "2", "Date", "now"]);
    }
    expect(connections).toHaveLength(1);
  });

  it("is not read faster than its receiver takes it", async () => {
    const { forwarder } = await startLane((_request, response) => response.end(Buffer.alloc(64 * 2 ** 20)));
    let taking = 1;
    const forwarded = forward(forwarder, {}, (soFar) => soFar < taking);
    await forwarded.answered;
    // Long enough for all of it, were it read.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(forwarded.body.length).toBeLessThan(1024 * 1024);
    taking = Infinity;
    forwarded.resume();
    expect((await forwarded.over).body).toHaveLength(64 * 2 ** 20);
  });

  it("that nobody wants any more ends its connection, and its sink hears nothing", async () => {
    const { forwarder, connections } = await startLane((_request, response) => response.write("first"));
    const forwarded = forward(forwarder);
    await forwarded.answered;
    forwarded.cancel();
    await once(connections[0] as TLSSocket, "close");
    expect(forwarded.outcome).toBe("under way");
  });

  it("is not begun for a request that was cancelled before it had a connection", async () => {
    let asked = 0;
    const { forwarder, backend } = await startLane(() => (asked += 1));
    const forwarded = forward(forwarder);
    forwarded.cancel();
    await once(backend, "secureConnection");
    await forward(forwarder, { firstByteTimeoutMs: 100 }).over;
    expect([asked, forwarded.outcome]).toEqual([1, "under way"]);
  });
});

describe("time", () => {
  const times = { firstByteTimeoutMs: 200, idleTimeoutMs: 200 };
  it.each<[string, RequestListener]>([
    ["to the head of an answer", () => {}],
    ["within the head of an answer", (request) => void request.socket.write("HTTP/1.1 200 OK\r\nx: y")],
    ["between two pieces of an answer", (_request, response) => void response.write("x")],
  ])("is bounded %s", async (_what, listener) => {
    const { forwarder } = await startLane(listener, times);
    expect((await forward(forwarder).over).outcome).toMatchObject({ code: "backend_timeout", sent: true });
  });

  it("of one exchange is no time of the next on the same connection", async () => {
    let count = 0;
    const { forwarder, connections } = await startLane((_request, response) => {
      count += 1;
      if (count < 3) response.end();
    }, times);
    expect((await forward(forwarder).over).outcome).toBe("end");
    // Longer than an answer may take: nobody waits for one.
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await forward(forwarder).over).outcome).toBe("end");
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await forward(forwarder).over).outcome).toMatchObject({ code: "backend_timeout" });
    expect(connections).toHaveLength(1);
  });

  it("does not run while the receiver takes nothing", async () => {
    const { forwarder } = await startLane((_request, response) => response.end(Buffer.alloc(2 ** 20)), times);
    const forwarded = forward(forwarder, {}, () => false);
    await forwarded.answered;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(forwarded.outcome).toBe("under way");
    const resuming = setInterval(() => forwarded.resume(), 1);
    expect((await forwarded.over).outcome).toBe("end");
    clearInterval(resuming);
  });
});

describe("trust", () => {
  const unreachable = { outcome: { code: "backend_unreachable", sent: false } };

  it("is refused to a certificate of an unknown CA", async () => {
    const { root } = await createTestPki("Other");
    const { forwarder } = await startLane(echo, { ca: root.pem });
    expect(await forward(forwarder).over).toMatchObject(unreachable);
  });

  it("is refused to another host's certificate, whatever Host says", async () => {
    const { forwarder } = await startLane(echo, { serverName: "other.example", hostHeader: "localhost" });
    expect(await forward(forwarder).over).toMatchObject(unreachable);
  });

  it("is refused to a certificate that does not bear the address", async () => {
    const { intermediate } = await testPki();
    const named = await intermediate.issue({
      subject: "CN=localhost",
      extendedKeyUsage: ["serverAuth"],
      subjectAltNames: [{ type: "dns", value: "localhost" }],
    });
    const tls = { cert: named.chainPem, key: named.keyPem };
    const byName = await startLane(echo, {}, tls);
    expect((await forward(byName.forwarder).over).status).toBe(200);
    const byAddress = await startLane(echo, { origin: `https://127.0.0.1:${byName.port}` });
    expect(await forward(byAddress.forwarder).over).toMatchObject(unreachable);
  });

  it("is given with a client certificate, and a session is resumed", async () => {
    const { root, client } = await testPki();
    const seen: unknown[] = [];
    const { forwarder } = await startLane(
      (request, response) => {
        const socket = request.socket as TLSSocket;
        seen.push([socket.authorized, socket.isSessionReused(), socket.getPeerCertificate().subject.CN]);
        response.setHeader("connection", "close").end();
      },
      { identity: { cert: client.chainPem, key: client.keyPem } },
      { requestCert: true, ca: root.pem },
    );
    await forward(forwarder).over;
    await forward(forwarder).over;
    expect(seen).toEqual([
      [true, false, "device-1"],
      [true, true, "device-1"],
    ]);
  });

  it("is asked for anew within the hour: who resumes sees no certificate", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const resumed: boolean[] = [];
    const { forwarder } = await startLane((request, response) => {
      resumed.push((request.socket as TLSSocket).isSessionReused());
      response.setHeader("connection", "close").end();
    });
    for (let turn = 0; turn < 5; turn += 1) {
      await forward(forwarder).over;
      vi.advanceTimersByTime(25 * 60_000);
    }
    expect(resumed).toEqual([false, true, true, false, true]);
  });

  it("holds through a proxy, which is asked for nothing but the host", async () => {
    const proxy = await startConnectProxy();
    onTestFinished(() => proxy.stop());
    const { forwarder, port } = await startLane(echo, { proxy: proxy.url });
    expect((await forward(forwarder).over).status).toBe(200);
    expect(proxy.asked).toEqual([`localhost:${port}`]);
    const other = await createTestPki("Other");
    const untrusted = await startLane(echo, { proxy: proxy.url, ca: other.root.pem });
    expect(await forward(untrusted.forwarder).over).toMatchObject(unreachable);
  });
});
