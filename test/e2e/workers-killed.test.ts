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

describe("a worker that is killed under load", () => {
  it(
    "takes its own connections with it and nothing else, and is started again",
    { timeout: 60_000 },
    async () => {
      const { running, asker, workers, admin } = await world.serveAndWait(["--workers", "3"]);
      const kept = startLoad({ asker, question, perSecond: 90, connections: 18 });
      const fresh = startLoad({ asker, question, perSecond: 15, connections: "each its own" });
      await kept.answered(120);
      const pid = workers().get(0) ?? 0;
      expect(pid).toBeGreaterThan(1);
      const before = (await admin("/metrics")).text;
      const killedAt = performance.now();
      process.kill(pid, "SIGKILL");

      await running.wrote(/a worker died; it is started again/);
      // Two serve everybody: the gateway stays in service.
      expect((await admin("/readyz")).status).toBe(200);
      await kept.answered(120);
      await running.wrote(new RegExp(`"worker":0,"pid":(?!${pid})\\d+[^\\n]*the worker is ready`));
      await kept.answered(60);
      const after = (await admin("/metrics")).text;
      const outcomes = [...(await kept.stop()), ...(await fresh.stop())];
      running.signal("SIGTERM");
      const { stdout } = await running.ended;

      const workerOf = new Map(
        stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as { requestId?: string; worker?: number })
          .map(({ requestId, worker }) => [requestId, worker]),
      );
      const connectionOf = ({ connection, openedAt }: { connection: number; openedAt: number }) =>
        `${connection} ${openedAt}`;
      const workerOfConnection = new Map(
        outcomes.flatMap((outcome) =>
          outcome.requestId === undefined ? [] : [[connectionOf(outcome), workerOf.get(outcome.requestId)]],
        ),
      );
      const failed = outcomes.filter(({ status }) => status !== 200);
      // One that never had an answer has no worker; it must have been opened before.
      const unexpected = failed.filter(
        (outcome) =>
          outcome.openedAt > killedAt || (workerOfConnection.get(connectionOf(outcome)) ?? 0) !== 0,
      );
      expect(unexpected).toEqual([]);
      expect(failed.length).toBeLessThan(20);
      expect(outcomes.filter(({ openedAt }) => openedAt > killedAt).length).toBeGreaterThan(10);

      const total = (page: string) =>
        [...page.matchAll(/^certgate_requests_total\{[^}]*\} (\d+)$/gm)].reduce(
          (sum, [, count]) => sum + Number(count),
          0,
        );
      // What the dead one had counted still counts.
      expect(total(after)).toBeGreaterThan(total(before) + 120);
      expect(after).toContain("certgate_worker_restarts_total 1");
    },
  );
});
