import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer as createHttpsServer, request } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { BackendAgent } from "../../../../src/forward/adapters/backend-agent.ts";
import { TookTooLong } from "../../../../src/forward/adapters/to-backend-fault.ts";
import { startConnectProxy } from "../../../support/connect-proxy.ts";
import { testPki } from "../../../support/test-pki.ts";

/** A backend that accepts connections and never begins TLS. */
async function silentBackend() {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => open.delete(socket));
    socket.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { origin: `https://localhost:${(server.address() as AddressInfo).port}`, open };
}

describe("a connection to a backend that begins no TLS", () => {
  it.each(["directly", "through a proxy"])("is given up in time, and closed: %s", async (way) => {
    const { origin, open } = await silentBackend();
    const proxy = await startConnectProxy();
    onTestFinished(() => proxy.stop());
    const agent = new BackendAgent(
      { origin, connectTimeoutMs: 100, ...(way === "directly" ? {} : { proxy: proxy.url }) },
      { keepAlive: false },
    );
    const asking = request(`${origin}/`, { agent });
    asking.end();
    const [fault] = (await once(asking, "error")) as [Error];
    expect(fault).toBeInstanceOf(TookTooLong);
    expect(proxy.asked).toHaveLength(way === "directly" ? 0 : 1);
    await expect.poll(() => open.size).toBe(0);
  });
});

describe("each connection to a backend", () => {
  it("is shown the backend's certificate: none resumes the session of one before it", async () => {
    const { server, root } = await testPki();
    const resumed: boolean[] = [];
    const backend = createHttpsServer({ cert: server.chainPem, key: server.keyPem }, (asked, response) => {
      resumed.push((asked.socket as TLSSocket).isSessionReused());
      response.end();
    });
    backend.listen(0, "127.0.0.1");
    await once(backend, "listening");
    onTestFinished(() => void backend.close());
    const origin = `https://localhost:${(backend.address() as AddressInfo).port}`;
    const agent = new BackendAgent({ origin, ca: root.pem, connectTimeoutMs: 5000 }, { keepAlive: false });
    for (let turn = 0; turn < 3; turn += 1) {
      const asking = request(`${origin}/`, { agent }).end();
      const [answer] = (await once(asking, "response")) as [IncomingMessage];
      await once(answer.resume(), "close");
    }
    expect(resumed).toEqual([false, false, false]);
  });
});
