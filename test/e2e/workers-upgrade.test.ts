import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FleetWorld, startFleetWorld } from "../support/fleet.ts";
import { startLoad } from "../support/load.ts";

let world: FleetWorld;
beforeAll(async () => {
  world = await startFleetWorld();
});
afterAll(() => world.stop());

const question = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", messages: [{ role: "user", content: "hi" }] },
};

describe("an upgrade in place", () => {
  it.each([
    ["one process", ["--workers", "1"]],
    ["two workers", ["--workers", "2"]],
  ])(
    "from %s to a successor on the same ports loses no request",
    { timeout: 90_000 },
    async (_what, words) => {
      const old = await world.serveAndWait(words, (config) => {
        config["listen"].reusePort = true;
      });
      const { asker, port, adminPort } = old;
      const loads = [
        startLoad({ asker, question, perSecond: 60, connections: 12 }),
        startLoad({ asker, question, perSecond: 15, connections: "each its own" }),
        startLoad({
          asker,
          question: { ...question, body: { ...question.body, stream: true } },
          perSecond: 20,
          connections: 8,
        }),
      ];
      await loads[0]?.answered(100);

      const next = await world.serveAndWait(words, (config) => {
        config["listen"].reusePort = true;
        config["listen"].port = port;
        config["admin"].port = adminPort;
      });
      await loads[0]?.answered(100);
      old.running.signal("SIGTERM");
      await old.running.wrote(/certgate is stopping/);
      // The successor has the admin port for itself, so nobody reads that this gateway ends.
      const during: number[] = [];
      const ended = old.running.ended.then(() => "ended" as const);
      while ((await Promise.race([ended, next.admin("/readyz")])) !== "ended")
        during.push((await next.admin("/readyz")).status);
      expect(await old.running.ended).toMatchObject({ code: 0, stderr: "" });
      await loads[0]?.answered(100);

      const outcomes = (await Promise.all(loads.map((load) => load.stop()))).flat();
      expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
      const streamed = outcomes.filter(({ text }) => text.startsWith("data:"));
      expect(streamed.filter(({ text }) => !text.includes("[DONE]"))).toEqual([]);
      expect(streamed.length).toBeGreaterThan(20);
      expect(new Set(during)).toEqual(new Set([200]));
      const served = (text: string) => text.match(/"msg":"request"/g)?.length ?? 0;
      const byBoth = [old, next].map(({ running }) => served(running.written.stdout));
      expect(Math.min(...byBoth)).toBeGreaterThan(30);
    },
  );

  it("needs reusePort: a second gateway that is started by mistake is refused the port", async () => {
    const { port } = await world.serveAndWait(["--workers", "2"]);
    const second = await world.serve(["--workers", "2"], (config) => {
      config["listen"].port = port;
    });
    const { code, stderr } = await second.ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining(`127.0.0.1:${port} is in use already`)]);
  });
});
