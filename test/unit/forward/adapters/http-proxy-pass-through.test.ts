import { once } from "node:events";
import {
  Agent,
  type ClientRequest,
  createServer as createHttpServer,
  get,
  request as httpRequest,
  type ServerResponse,
} from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { BackendAgent } from "../../../../src/forward/adapters/backend-agent.ts";
import { createHttpProxyPassThrough } from "../../../../src/forward/adapters/http-proxy-pass-through.ts";
import { testPki } from "../../../support/test-pki.ts";

/** A backend that says which host it was asked for, and a server that passes everything on by the lane that it is given. */
async function passing(address: string) {
  const { server: tls, root } = await testPki();
  const backend = createServer({ cert: tls.chainPem, key: tls.keyPem }, (request, response) =>
    response.end(request.headers.host),
  );
  backend.listen(0, address);
  await once(backend, "listening");
  const { port } = backend.address() as AddressInfo;
  const host = address.includes(":") ? `[${address}]` : address;
  const make = () =>
    createHttpProxyPassThrough({
      origin: `https://${host}:${port}`,
      ca: root.pem,
      connectTimeoutMs: 5000,
      firstByteTimeoutMs: 5000,
    });
  let lane = make();
  const server = createHttpServer((incoming, response) => {
    void lane.request(incoming, response, { headers: {}, path: "/", requestId: "r-1" });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    lane.close();
    backend.close();
    server.close();
  });
  return {
    host: `${host}:${port}`,
    server,
    replace: () => {
      lane.close();
      lane = make();
    },
    ask: async () => {
      const { port: own } = server.address() as AddressInfo;
      const asking = get({ host: "127.0.0.1", port: own, agent: false });
      const [answer] = (await once(asking, "response")) as [NodeJS.ReadableStream];
      return text(answer);
    },
  };
}

/** A backend in a thread of its own, faster than who asks it; says how many connections it has seen. */
const backendThread = `
  const { parentPort, workerData } = require("node:worker_threads");
  let connections = 0;
  const backend = require("node:https").createServer(workerData, (request, response) => {
    request.resume();
    request.on("end", () => response.end(String(connections)));
  });
  backend.on("secureConnection", () => (connections += 1));
  backend.listen(0, "127.0.0.1", () => parentPort.postMessage(backend.address().port));
`;

/** Has the event loop come by once in so many milliseconds only. */
function slowLoop(ms: number): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  let over = false;
  const hold = () => {
    Atomics.wait(never, 0, 0, ms);
    if (!over) setImmediate(hold);
  };
  hold();
  onTestFinished(() => {
    over = true;
  });
}

/** A lane to that port, and a server that passes everything on by it. */
async function lanePassing(backendPort: number) {
  const { root } = await testPki();
  const limits = { connectTimeoutMs: 5000, firstByteTimeoutMs: 5000 };
  const origin = `https://127.0.0.1:${backendPort}`;
  const lane = createHttpProxyPassThrough({ origin, ca: root.pem, ...limits });
  const server = createHttpServer((incoming, response) => {
    const length = incoming.headers["content-length"];
    const headers = length === undefined ? {} : { "content-length": length };
    void lane.request(incoming, response, { headers, path: incoming.url ?? "", requestId: "r-1" });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    lane.close();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    asking: (length: number, agent: Agent | false = false) =>
      httpRequest({
        host: "127.0.0.1",
        port,
        agent,
        method: "PUT",
        headers: { "content-length": String(length) },
      }),
  };
}

/** It answers when it is told to, whether or not it was sent the body; the answer is the number of its connections. */
async function earlyBackend() {
  const { server: tls } = await testPki();
  const connections: Duplex[] = [];
  const backend = createServer({ cert: tls.chainPem, key: tls.keyPem });
  backend.on("secureConnection", (connection: Duplex) => connections.push(connection));
  backend.listen(0, "127.0.0.1");
  await once(backend, "listening");
  onTestFinished(() => {
    backend.closeAllConnections();
    backend.close();
  });
  return {
    connections,
    port: (backend.address() as AddressInfo).port,
    asked: async () => {
      const [, response] = (await once(backend, "request")) as [unknown, ServerResponse];
      return { answer: () => response.end(String(connections.length)) };
    },
  };
}

async function answerTo(asking: ClientRequest): Promise<string> {
  const [answer] = (await once(asking, "response")) as [NodeJS.ReadableStream];
  return text(answer);
}

describe("the lane of a route", () => {
  it("keeps the connection of an upload that is answered before Node tells that it was sent", async () => {
    const { server: tls } = await testPki();
    const workerData = { cert: tls.chainPem, key: tls.keyPem };
    const backend = new Worker(backendThread, { eval: true, workerData });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(async () => {
      agent.destroy();
      await backend.terminate();
    });
    const [backendPort] = (await once(backend, "message")) as [number];
    const { asking } = await lanePassing(backendPort);
    const body = Buffer.alloc(300_000);
    slowLoop(3);
    let connections = "";
    for (let time = 0; time < 20; time += 1) {
      const upload = asking(body.length, agent);
      upload.end(body);
      connections = await answerTo(upload);
    }
    // One for almost each, where it is not seen to.
    expect(Number(connections)).toBeLessThan(8);
  });

  it("gives up the connection of an upload that is answered while the client still sends it", async () => {
    const backend = await earlyBackend();
    const { asking } = await lanePassing(backend.port);
    const upload = asking(300_000);
    // Its own connection is closed with the answer, because what it still sends is nobody's.
    upload.on("error", () => {});
    upload.write(Buffer.alloc(100_000));
    const first = await backend.asked();
    first.answer();
    expect(await answerTo(upload)).toBe("1");
    const [connection] = backend.connections;
    await expect.poll(() => connection?.destroyed).toBe(true);
    const next = asking(0);
    next.end();
    (await backend.asked()).answer();
    expect(await answerTo(next)).toBe("2");
    upload.destroy();
  });

  it("gives up the connection of an upload that is answered while the gateway still sends it", async () => {
    const connecting = vi.spyOn(BackendAgent.prototype, "createConnection");
    onTestFinished(() => connecting.mockRestore());
    const backend = await earlyBackend();
    const { asking } = await lanePassing(backend.port);
    const upload = asking(10_000);
    upload.write("a");
    const first = await backend.asked();
    // The client's part is done, and the backend takes none of it.
    const socket = connecting.mock.results[0]?.value as Duplex;
    vi.spyOn(socket, "_write").mockImplementation(() => {});
    upload.end(Buffer.alloc(9999));
    await expect.poll(() => socket.writableLength).toBe(9999);
    first.answer();
    expect(await answerTo(upload)).toBe("1");
    await expect.poll(() => socket.destroyed).toBe(true);
    const next = asking(0);
    next.end();
    (await backend.asked()).answer();
    expect(await answerTo(next)).toBe("2");
  });

  it("leaves nothing at the server when it is replaced", async () => {
    const { server, replace, ask } = await passing("127.0.0.1");
    await ask();
    const before = server.listenerCount("close");
    for (let time = 0; time < 5; time += 1) {
      replace();
      await ask();
    }
    expect(server.listenerCount("close")).toBe(before);
  });

  it("reaches a backend at an IPv6 address", async () => {
    const { ask, host } = await passing("::1");
    expect(await ask()).toBe(host);
  });
});
