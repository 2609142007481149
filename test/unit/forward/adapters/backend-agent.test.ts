import { once } from "node:events";
import { request } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { BackendAgent } from "../../../../src/forward/adapters/backend-agent.ts";
import { TookTooLong } from "../../../../src/forward/adapters/open-tunnel.ts";
import { startConnectProxy } from "../../../support/connect-proxy.ts";

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
