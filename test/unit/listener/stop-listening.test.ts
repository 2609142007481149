import { once } from "node:events";
import { Agent, createServer, request, type Server } from "node:https";
import { connect as connectTcp, type AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { stopListening } from "../../../src/listener/stop-listening.ts";
import { testPki } from "../../support/test-pki.ts";

async function listen(): Promise<{ server: Server; port: number; ask: (agent: Agent) => Promise<string> }> {
  const { server: own, root } = await testPki();
  const server = createServer({ cert: own.chainPem, key: own.keyPem }, (_request, response) => {
    if (!server.listening) response.shouldKeepAlive = false;
    response.end("answer");
  });
  onTestFinished(() => server.closeAllConnections());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    async ask(agent) {
      const asked = request({ host: "localhost", family: 4, port, ca: root.pem, agent }).end();
      const [answer] = (await once(asked, "response")) as [AsyncIterable<Buffer>];
      let text = "";
      for await (const chunk of answer) text += chunk.toString();
      return text;
    },
  };
}

function keptAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return agent;
}

describe("stopListening", () => {
  it("answers one more request on a connection that was idle", async () => {
    const { server, ask } = await listen();
    const agent = keptAlive();
    await ask(agent);
    const stopped = stopListening(server, 20_000);
    await expect.poll(() => server.listening).toBe(false);
    expect(await ask(agent)).toBe("answer");
    await stopped;
  });

  it("closes connections that stay idle, long before the drain is over", async () => {
    const { server, ask } = await listen();
    await ask(keptAlive());
    const began = performance.now();
    await stopListening(server, 400);
    expect(performance.now() - began).toBeGreaterThan(90);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("takes every connection that waited before it closed the port", async () => {
    const { server, port } = await listen();
    const sockets = Array.from({ length: 50 }, () => connectTcp(port, "127.0.0.1"));
    const outcomes = sockets.map(async (socket) => {
      socket.on("error", () => {});
      await once(socket, "connect");
      return socket;
    });
    // The kernel has completed these; this process has accepted none of them yet.
    await once(sockets.at(0) ?? server, "connect");
    let accepted = 0;
    server.on("connection", () => (accepted += 1));
    const stopped = stopListening(server, 20_000);
    await expect.poll(() => server.listening).toBe(false);
    const connected = await Promise.all(outcomes);
    await expect.poll(() => accepted).toBeGreaterThanOrEqual(49);
    expect(connected.filter(({ destroyed }) => destroyed)).toEqual([]);
    for (const socket of connected) socket.destroy();
    await stopped;
  });
});
