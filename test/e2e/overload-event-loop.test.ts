import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { begin } from "../support/ask.ts";
import { chat, type HostileWorld, startHostileWorld } from "../support/hostile.ts";
import { refusedSocket } from "../support/socket-client.ts";

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld((config) => {
    config["limits"] = { eventLoopLagMs: 50 };
    config["clients"]["device-1"].operations = ["inference", "realtime"];
  });
});
afterAll(() => world.stop());

/**
 * Keeps the event loop busy: this process is the gateway's, too. Whatever makes it busy, certificates or bodies, looks
 * like this from inside.
 * @returns ends it
 */
function keepBusy(): () => void {
  let isOver = false;
  const work = () => {
    const until = performance.now() + 120;
    while (performance.now() < until);
    if (!isOver) setImmediate(work);
  };
  setImmediate(work);
  return () => {
    isOver = true;
  };
}

const shedding = async () => (await world.ask(chat)).status === 503;

describe("an event loop that cannot keep up", () => {
  it("has new requests turned away at once, and what is under way go on; then all is served again", async () => {
    const before = await world.shed("event_loop_lag");
    const gate = Promise.withResolvers<void>();
    world.azure.openAi.setPace({ afterEvent: () => gate.promise });
    const { certgate, pki } = world;
    const asker = { port: certgate.port, ca: pki.root.pem, client: pki.client };
    const stream = await begin(asker, { ...chat, body: { ...chat.body, stream: true } });
    await once(stream, "readable");
    world.azure.openAi.setPace({});

    const rest = keepBusy();
    await expect.poll(shedding, { timeout: 30_000 }).toBe(true);
    const answer = await world.ask(chat);
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({ "x-certgate-reason": "overloaded", "retry-after": "2" });
    const upgrade = await refusedSocket(world, { path: "/openai/v1/realtime?model=gpt-test" });
    expect(upgrade).toMatchObject({ status: 503, headers: { "x-certgate-reason": "overloaded" } });
    // The admin port says how it stands, and a balancer must not take the process out for being busy.
    expect((await world.admin("/healthz")).status).toBe(200);
    gate.resolve();
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    expect(text).toContain("data: [DONE]");
    rest();

    await expect.poll(shedding, { timeout: 30_000 }).toBe(false);
    expect((await world.shed("event_loop_lag")) - before).toBeGreaterThanOrEqual(3);
    const log = await world.log();
    const overload = log.filter(({ msg }) => String(msg).startsWith("the event loop"));
    expect(overload.map(({ msg }) => msg)).toEqual([
      "the event loop cannot keep up: requests are turned away",
      "the event loop keeps up again",
    ]);
    expect(log.find(({ reason }) => reason === "overloaded")).toMatchObject({
      status: 503,
      decision: "denied",
    });
  }, 90_000);
});
