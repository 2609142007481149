import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FleetWorld, startFleetWorld } from "../../support/fleet.ts";
import {
  clean,
  noteOperation,
  type SteadyCast,
  steadyCast,
  steadyLoadOn,
  steadyPace,
} from "../../support/steady-load-world.ts";

let cast: SteadyCast;
let world: FleetWorld;
beforeAll(async () => {
  world = await startFleetWorld();
  cast = await steadyCast(world.pki);
  for (const [name, text] of Object.entries(cast.files)) await writeFile(join(world.folder, name), text);
  world.azure.openAi.setPace(steadyPace);
});
afterAll(() => world.stop());

const total = (page: string) =>
  [...page.matchAll(/^certgate_requests_total\{[^}]*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );

/** Which worker answered, by request id. */
const workersIn = (log: string): ReadonlyMap<string | undefined, number | undefined> =>
  new Map(
    log
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { requestId?: string; worker?: number })
      .map(({ requestId, worker }) => [requestId, worker]),
  );

it("kill -9: a worker takes its own connections with it and nothing else, and is started again", async () => {
  const { running, port, workers, admin } = await world.serveAndWait(["--workers", "3"], (config) => {
    config["deployments"]["gpt-other"] = { backend: "main" };
    cast.enter(config);
  });
  const load = await steadyLoadOn(cast, port, [], { asksAgain: true });
  await load.ended(400);
  const pid = workers().get(0) ?? 0;
  expect(pid).toBeGreaterThan(1);
  const before = (await admin("/metrics")).text;
  process.kill(pid, "SIGKILL");
  await running.wrote(/a worker died; it is started again/);
  // Until here its socket may have taken connections that nobody will answer.
  const goneAt = performance.now();
  // Two serve everybody: the gateway stays in service.
  expect((await admin("/readyz")).status).toBe(200);
  await load.ended(300);
  await running.wrote(new RegExp(`"worker":0,"pid":(?!${pid})\\d+[^\\n]*the worker is ready`));
  await load.ended(300);
  const after = (await admin("/metrics")).text;
  const report = await load.stop();
  running.signal("SIGTERM");
  const workerOf = workersIn((await running.ended).stdout);

  // All but the requests on the dead one's connections should have passed. A connection that never brought an answer
  // names no worker: it is the dead one's only if it was opened before that was gone.
  const lost = report.broken.filter(
    ({ openedAt, requestId }) => openedAt < goneAt && (workerOf.get(requestId) ?? 0) === 0,
  );
  const count = (...all: string[]) => lost.filter(({ judged }) => all.includes(judged)).length;
  const others = {
    ...report,
    wronglyFailed: report.wronglyFailed - count("wronglyFailed"),
    wronglyRefused: report.wronglyRefused - count("wronglyRefused"),
  };
  noteOperation(`kill -9 one of three workers (${lost.length} requests on its connections lost)`, others);
  expect(others).toMatchObject({ ...clean, examples: expect.any(Array) });
  // And a client that asks again on another connection is answered at once.
  expect(lost.filter(({ again }) => again !== "answered" && again !== "refused")).toEqual([]);
  expect(lost.length).toBeGreaterThan(0);
  // A third of what is under way at any time, streams of 300 ms among it.
  expect(lost.length).toBeLessThan(40);

  // What the dead one had counted still counts.
  expect(total(after)).toBeGreaterThan(total(before) + 400);
  expect(after).toContain("certgate_worker_restarts_total 1");
});
