import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ask, begin } from "../support/ask.ts";
import { type FleetWorld, startFleetWorld } from "../support/fleet.ts";

let world: FleetWorld;
beforeAll(async () => {
  world = await startFleetWorld();
});
afterAll(() => world.stop());

const question = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", messages: [{ role: "user", content: "hi" }] },
};
const again = (worker: number, pid: number | undefined) =>
  new RegExp(`"worker":${worker},"pid":(?!${pid}\\b)\\d+[^\\n]*the worker is ready`);

describe("a worker that goes its own way", () => {
  it("is ended when it hangs without dying, and started again", { timeout: 90_000 }, async () => {
    const { running, workers, asker, admin } = await world.serveAndWait(["--workers", "2"]);
    const pid = workers().get(0) ?? 0;
    expect(pid).toBeGreaterThan(1);
    process.kill(pid, "SIGSTOP");
    // It takes its share of connections and answers none.
    const ready = await admin("/readyz");
    expect([ready.status, ready.text]).toEqual([503, expect.stringContaining("it does not answer")]);
    expect((await admin("/metrics")).status).toBe(200);

    await running.wrote(/"reason":"it did not answer for 10 s"[^\n]*a worker died; it is started again/);
    await running.wrote(again(0, pid));
    expect((await admin("/readyz")).status).toBe(200);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(asker, question)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    running.signal("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });

  it("drains at a SIGTERM of its own, and the gateway stays in service", { timeout: 90_000 }, async () => {
    const { running, workers, asker, admin } = await world.serveAndWait(["--workers", "2"]);
    const gate = Promise.withResolvers<void>();
    world.azure.openAi.setPace({ afterEvent: () => gate.promise });
    onTestFinished(() => world.azure.openAi.setPace({}));
    // Enough for both to have one.
    const streams = await Promise.all(
      Array.from({ length: 12 }, () =>
        begin(asker, { ...question, body: { ...question.body, stream: true } }),
      ),
    );
    await Promise.all(streams.map((stream) => once(stream, "readable")));
    const pid = workers().get(1) ?? 0;
    process.kill(pid, "SIGTERM");
    await running.wrote(/"worker":1[^\n]*the worker is stopping/);
    const ready = await admin("/readyz");
    expect([ready.status, ready.text]).toEqual([200, expect.stringContaining('"leaving"')]);
    expect((await admin("/metrics")).text).toContain('certgate_workers{phase="leaving"} 1');
    gate.resolve();
    for (const stream of streams) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).toString("utf8")).toContain("data: [DONE]");
    }
    await running.wrote(again(1, pid));
    running.signal("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });
});
