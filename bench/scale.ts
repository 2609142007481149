import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { type Grounds, prepareGrounds } from "./gateway/grounds.ts";
import type { LoadResult } from "./gateway/load-plan.ts";
import { type Lineup, type Load, measure } from "./gateway/measure.ts";
import { childrenOf, residentBytes } from "./gateway/process-figures.ts";
import { type Behind, buildGateway, cores, type Running, startBackends } from "./gateway/programs.ts";
import { handshakeLoad, plainLoad, type Times } from "./gateway/rows.ts";
import { type Measurement, rounded } from "./measurement.ts";
import { startScaleGateway, writeRegistry } from "./scale/gateway.ts";
import type { HeldPlan, HeldResult } from "./scale/held.ts";

/** For which a process has time to give back what it keeps only for a load. */
const restMs = 30_000;
/** Runs that count, of the two that are compared. */
const rounds = 9;

/**
 * The same rate for each process that serves, and one that leaves it time: who is asked more at a time does more with one
 * look at its sockets.
 */
const evenLoad = (grounds: Grounds, quick: boolean, processes = 1): Load => ({
  ...plainLoad(grounds, quick ? timesOf(true) : { warmUpMs: 1500, measureMs: 8000 }),
  kind: "open",
  connections: 32 * processes,
  perSecond: 250 * processes,
});

/** What many clients, a long CRL, many connections and a second worker cost. */
export async function benchScale(quick: boolean): Promise<Measurement[]> {
  const done = new AsyncDisposableStack();
  try {
    const folder = await mkdtemp(join(tmpdir(), "certgate-scale-"));
    done.defer(() => rm(folder, { recursive: true, force: true }));
    const program = await buildGateway(join(import.meta.dirname, ".."), join(folder, "built"));
    const grounds = await prepareGrounds();
    done.defer(() => grounds.stop());
    const backends = await startBackends(grounds);
    for (const backend of backends) done.defer(() => backend.stop());
    const slow = await startSlowBackend(grounds);
    done.defer(() => slow.stop());
    const stage = {
      grounds,
      program,
      quick,
      lineup: { grounds, backends: [...backends, slow] },
      behind: { backendPort: backends[0].port, streamPort: slow.port },
    };
    return [
      ...(await manyClients(stage, folder)),
      ...(await twoWorkers(stage)),
      ...(await manyConnections(stage)),
    ];
  } finally {
    await done.disposeAsync();
  }
}

interface Stage {
  readonly grounds: Grounds;
  readonly program: string;
  readonly quick: boolean;
  readonly lineup: Lineup;
  readonly behind: Behind;
}

const timesOf = (quick: boolean): Times => ({ warmUpMs: quick ? 300 : 1000, measureMs: quick ? 500 : 4000 });

/** A million clients and a million entries against one client and a hundred entries. */
async function manyClients(stage: Stage, folder: string): Promise<Measurement[]> {
  const { grounds, program, quick, behind } = stage;
  const count = quick ? 2000 : 1_000_000;
  const registry = join(folder, "registry.sqlite");
  writeRegistry(registry, grounds, count);
  // The one client is the first of the million, so both are asked by the same one.
  const alone: Grounds = { ...grounds, clients: grounds.clients.slice(0, 1) };
  const base = { program, workers: 1 };
  const few = await startScaleGateway({ ...base, name: "few", crls: await grounds.crls(100) }, alone, behind);
  const many = await startScaleGateway(
    { ...base, name: "many", crls: await grounds.crls(count), registry },
    alone,
    behind,
  );
  try {
    const what = `${count.toLocaleString("en")} clients and CRL entries against 1 and 100`;
    const times = timesOf(quick);
    const lineup = { ...stage.lineup, grounds: alone };
    const requests = await together([few, many], both(evenLoad(alone, quick)), lineup, quick);
    const handshakes = await together([few, many], both(handshakeLoad(alone, times)), lineup, quick);
    return [
      { what: `${what}: processor time of a request`, values: compared(requests, ["1", "many"]) },
      { what: `${what}: of a handshake with one request`, values: compared(handshakes, ["1", "many"]) },
      {
        what: `${what}: resident MB`,
        values: { "1": megabytes(few), many: megabytes(many) },
      },
    ];
  } finally {
    await Promise.all([few.stop(), many.stop()]);
  }
}

/** Two workers on one port against a process that serves alone, on the same core. */
async function twoWorkers(stage: Stage): Promise<Measurement[]> {
  const { grounds, program, quick, behind, lineup } = stage;
  const crls = await grounds.crls(100);
  const one = await startScaleGateway({ name: "one", program, workers: 1, crls }, grounds, behind);
  const two = await startScaleGateway({ name: "two", program, workers: 2, crls }, grounds, behind);
  try {
    const results = await together(
      [one, two],
      [evenLoad(grounds, quick), evenLoad(grounds, quick, 2)],
      lineup,
      quick,
    );
    // As fast as it goes, which is what makes a process take memory.
    const full = { ...plainLoad(grounds, timesOf(quick)), measureMs: quick ? 500 : 20_000 };
    const workers = () =>
      Object.fromEntries(childrenOf(two.pid).map((pid, nth) => [`worker ${nth}`, megabytesOf(pid)]));
    await measure(full, one, lineup);
    const busy = megabytesOf(one.pid);
    await measure(full, two, lineup);
    const after = { one: busy, ...workers() };
    await setTimeout(quick ? 0 : restMs);
    const rested = { one: megabytesOf(one.pid), ...workers() };
    return [
      {
        what: "one process, and each of two workers, after a load of 2 KB requests: resident MB",
        values: after,
      },
      { what: "the same, half a minute later: resident MB", values: rested },
      {
        what: "two workers against one: processor time of a request",
        values: compared(results, ["one", "two"]),
      },
      {
        what: "two workers and their supervisor against one process: resident MB",
        values: { one: megabytes(one), two: megabytes(two) },
      },
    ];
  } finally {
    await Promise.all([one.stop(), two.stop()]);
  }
}

/** One worker with many connections that do nothing, and another with many streams. */
async function manyConnections({ grounds, program, quick, behind, lineup }: Stage): Promise<Measurement[]> {
  const crls = await grounds.crls(100);
  const measurements: Measurement[] = [];
  for (const [kind, deployment, connections] of [
    ["idle", "gpt", quick ? 200 : 10_000],
    ["streams", "slow", quick ? 50 : 1000],
  ] as const) {
    const gateway = await startScaleGateway({ name: kind, program, workers: 1, crls }, grounds, behind);
    try {
      // What a just-in-time compiler and the pools take once is not a connection's.
      await measure(plainLoad(grounds, timesOf(quick)), gateway, lineup);
      const before = residentBytes([gateway.pid]);
      let after = before;
      const failed = await whileHeld({ kind, deployment, connections }, gateway, grounds, () => {
        after = residentBytes([gateway.pid]);
      });
      measurements.push({
        what: `${connections.toLocaleString("en")} ${kind === "idle" ? "idle connections" : "concurrent streams"} on one worker`,
        values: {
          "kB each": rounded((after - before) / (connections - failed) / 1000),
          "MB in all": rounded(after / 1e6),
          failed,
        },
      });
    } finally {
      await gateway.stop();
    }
  }
  return measurements;
}

/**
 * Both at the same time, on the same core: whatever else the machine does, it does to both. Each run begins and ends with the
 * other's.
 */
async function together(
  [one, other]: readonly [Running, Running],
  [loadOfOne, loadOfOther]: readonly [Load, Load],
  lineup: Lineup,
  quick: boolean,
): Promise<readonly (readonly [LoadResult, LoadResult])[]> {
  const pairs: (readonly [LoadResult, LoadResult])[] = [];
  // The first run is the compiler's.
  for (let round = 0; round < (quick ? 2 : rounds + 1); round += 1) {
    const pair = await Promise.all([measure(loadOfOne, one, lineup), measure(loadOfOther, other, lineup)]);
    if (round > 0) pairs.push(pair);
  }
  return pairs;
}

const both = <T>(one: T): readonly [T, T] => [one, one];

/** Medians, and the median of the ratios of runs at the same time. */
function compared(
  pairs: readonly (readonly [LoadResult, LoadResult])[],
  [one, other]: readonly [string, string],
): Record<string, number> {
  const cost = ({ proxyCpu, answers }: LoadResult) => (proxyCpu / answers) * 1e6;
  const ratios = pairs.map(([a, b]) => cost(b) / cost(a));
  return {
    [`µs, ${one}`]: Math.round(median(pairs.map(([a]) => cost(a)))),
    [`µs, ${other}`]: Math.round(median(pairs.map(([, b]) => cost(b)))),
    ratio: Number(median(ratios).toFixed(3)),
    lowest: Number(Math.min(...ratios).toFixed(3)),
    highest: Number(Math.max(...ratios).toFixed(3)),
    failed: pairs.flat().reduce((sum, { failures }) => sum + failures, 0),
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Of a process and those that it started. */
const megabytesOf = (pid: number): number => rounded(residentBytes([pid]) / 1e6);
const megabytes = ({ pid }: Running): number => megabytesOf(pid);

async function startSlowBackend({ folder }: Grounds): Promise<Running> {
  const words = [
    "-c",
    cores.rest,
    process.execPath,
    join(import.meta.dirname, "scale/slow-backend.ts"),
    folder,
  ];
  const child = spawn("taskset", words, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const ended = once(child, "exit");
  return {
    name: "slow",
    version: `Node ${process.versions.node}`,
    port: Number(line),
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Opens connections, calls `during` while they are held, and ends them. @returns how many failed */
async function whileHeld(
  { deployment, ...wish }: Pick<HeldPlan, "kind" | "connections"> & { readonly deployment: string },
  { port }: Running,
  { folder, clients }: Grounds,
  during: () => void,
): Promise<number> {
  const path = `/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`;
  const plan: HeldPlan = { ...wish, port, ca: join(folder, "root.pem"), clients, path };
  const words = ["-c", cores.rest, process.execPath, join(import.meta.dirname, "scale/held.ts")];
  const child = spawn("taskset", [...words, JSON.stringify(plan)], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  during();
  const ended = once(child, "exit");
  child.stdin.write("enough\n");
  await ended;
  const { failures, example } = JSON.parse(line) as HeldResult;
  if (failures > 0) process.stderr.write(`${wish.kind}: ${example}\n`);
  return failures;
}
