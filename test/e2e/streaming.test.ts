import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { begin } from "../support/ask.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());
afterEach(() => world.azure.openAi.setPace({}));

const question = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", stream: true, messages: [{ role: "user", content: "one two three" }] },
};
const asker = () => ({ port: world.certgate.port, ca: world.pki.root.pem, client: world.pki.client });

describe("a stream", () => {
  it("reaches the client event by event, not in one piece", async () => {
    const gate = Promise.withResolvers<void>();
    // The backend does not send its second event before the client has its first.
    world.azure.openAi.setPace({ afterEvent: () => gate.promise });
    const answer = await begin(asker(), question);
    const [first] = (await once(answer, "data")) as [Buffer];
    expect(first.toString("utf8")).toMatch(/^data: \{/);
    gate.resolve();
    const rest: Buffer[] = [];
    for await (const chunk of answer) rest.push(chunk as Buffer);
    expect(Buffer.concat(rest).toString("utf8")).toContain("data: [DONE]");
  });

  it("is cancelled at the backend when the client leaves", async () => {
    world.azure.openAi.setPace({ bytes: 50_000_000 });
    const next = world.azure.openAi.requests.next();
    const answer = await begin(asker(), question);
    await once(answer, "data");
    answer.destroy();
    expect(await (await next).outcome).toBe("aborted");
  });

  it("is told as left in the log when the client leaves", async () => {
    world.azure.openAi.setPace({ bytes: 50_000_000 });
    const next = world.azure.openAi.requests.next();
    const answer = await begin(asker(), question);
    await once(answer, "data");
    answer.destroy();
    await (
      await next
    ).outcome;
    const id = answer.headers["x-certgate-request-id"];
    await expect
      .poll(async () => (await world.log()).find(({ requestId }) => requestId === id)?.["status"])
      .toBe(499);
  });

  it("stops at the backend while the client does not read", async () => {
    world.azure.openAi.setPace({ bytes: 100_000_000 });
    const next = world.azure.openAi.requests.next();
    const answer = await begin(asker(), question);
    const received = await next;
    answer.pause();
    // Without backpressure all of it would be sent as fast as loopback takes it; with it, sending comes to rest.
    let before = -1;
    await expect
      .poll(
        () => {
          const still = received.sentBytes() === before;
          before = received.sentBytes();
          return still && before > 0;
        },
        { interval: 200, timeout: 10_000 },
      )
      .toBe(true);
    expect(received.sentBytes()).toBeLessThan(30_000_000);
    answer.destroy();
    expect(await received.outcome).toBe("aborted");
  });

  it("of 100 MB does not grow the memory", async () => {
    world.azure.openAi.setPace({ bytes: 100_000_000 });
    const before = process.memoryUsage().rss;
    const answer = await begin(asker(), question);
    let bytes = 0;
    let peak = 0;
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).length;
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    expect(bytes).toBeGreaterThan(100_000_000);
    // Client, gateway and backend share this process; garbage that is not collected yet is in the figure too.
    expect(peak - before).toBeLessThan(60_000_000);
  });
});

describe("a backend that breaks off", () => {
  it("midway cuts the client's connection: half an answer never looks whole", async () => {
    world.azure.openAi.faults.next({ kind: "reset-midway" });
    const answer = await begin(asker(), question);
    await expect(
      (async () => {
        for await (const _ of answer);
      })(),
    ).rejects.toThrow(/aborted|reset/i);
  });

  it("before the first byte is a 502 with its reason", async () => {
    world.azure.openAi.faults.next({ kind: "reset" });
    const answer = await world.ask(question);
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([502, "backend_unreachable"]);
  });
});
