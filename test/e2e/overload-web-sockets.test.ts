import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chat, type HostileWorld, startHostileWorld, unharmed } from "../support/hostile.ts";
import { openSocket, refusedSocket } from "../support/socket-client.ts";

let world: HostileWorld;
const path = "/openai/v1/realtime?model=gpt-test";
beforeAll(async () => {
  world = await startHostileWorld((config) => {
    config["limits"] = { connectionsPerClient: 20, webSocketMessageBytes: 64 * 1024, unreadSeconds: 2 };
    for (const name of ["device-1", "hostile"])
      config["clients"][name].operations = ["inference", "realtime"];
  });
});
afterAll(() => world.stop());

const openHostile = async () => {
  const arriving = world.azure.openAi.sockets.next();
  const client = await openSocket(world, { path, client: world.hostile });
  return { client, backend: await arriving };
};

/** The neighbour has a WebSocket of its own, on which it is answered while something goes on. */
async function neighbourSocketDuring(going: Promise<unknown>): Promise<void> {
  const neighbour = await openSocket(world, { path });
  await neighbour.next("session.created");
  const over = new AbortController();
  void going.finally(() => over.abort());
  do {
    neighbour.send({ type: "session.update", session: {} });
    await neighbour.next("session.updated");
  } while (!over.signal.aborted);
  await going;
}

describe("a client with WebSockets", () => {
  it("has no more of them than connections; one more is told so", async () => {
    const opened = [];
    for (let count = 0; count < 20; count += 1) opened.push(await openHostile());
    const { status, headers } = await refusedSocket(world, { path, client: world.hostile });
    expect([status, headers["x-certgate-reason"]]).toEqual([429, "connections_exceeded"]);
    expect((await world.ask(chat)).status).toBe(200);
    for (const { client } of opened) client.webSocket.terminate();
    await Promise.all(opened.map(({ client }) => client.closed));
    await expect.poll(() => openHostile().then(() => "open", String)).toBe("open");
  });

  it("that sends more than the backend takes is held up, and its neighbours are served", async () => {
    const { client, backend } = await openHostile();
    backend.webSocket.pause();
    const message = JSON.stringify({ type: "session.update", session: { instructions: "x".repeat(60_000) } });
    // Far more than the buffers on the way hold.
    for (let count = 0; count < 1000; count += 1) client.webSocket.send(message);
    const settle = new Promise((resolve) => setTimeout(resolve, 1500));
    await neighbourSocketDuring(settle);
    expect(client.webSocket.bufferedAmount).toBeGreaterThan(20_000_000);
    client.webSocket.terminate();
    backend.webSocket.resume();
    await backend.closed;
  });

  it("that does not read what it is sent is cut, and its backend hears of it", async () => {
    const before = await world.shed("answer_unread");
    const { client, backend } = await openHostile();
    client.webSocket.pause();
    const message = JSON.stringify({ type: "noise", text: "x".repeat(60_000) });
    for (let count = 0; count < 1000; count += 1) backend.webSocket.send(message);
    await neighbourSocketDuring(backend.closed);
    expect((await world.shed("answer_unread")) - before).toBe(1);
  });

  it("that sends a message which is too large is closed, and its neighbours are served", async () => {
    const { client } = await openHostile();
    client.send({ type: "session.update", session: { instructions: "x".repeat(100_000) } });
    expect(await world.neighbourDuring(client.closed)).toMatchObject(unharmed);
    expect((await client.closed).code).toBe(1009);
  });
});
