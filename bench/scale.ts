import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type Grounds, prepareGrounds } from "./gateway/grounds.ts";
import type { LoadResult } from "./gateway/load-plan.ts";
import { type Lineup, type Load, measure, whileIdle } from "./gateway/measure.ts";
import { residentBytes } from "./gateway/process-figures.ts";
import { type Behind, buildGateway, cores, type Running, startBackends } from "./gateway/programs.ts";
import { handshakeRow, plainLoad, type Times } from "./gateway/rows.ts";
import { type Measurement, rounded } from "./measurement.ts";
import { startScaleGateway, writeRegistry } from "./scale/gateway.ts";

/** Runs of each of two, in turns. */
const rounds = 7;

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
    const requests = await alternately([few, many], plainLoad(alone, times), lineup, quick);
    const handshakes = await alternately([few, many], handshakeRow(alone, times, 100, 0).load, lineup, quick);
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
    const results = await alternately([one, two], plainLoad(grounds, timesOf(quick)), lineup, quick);
    return [
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

/** One worker with many connections that do nothing, and then with many streams. */
async function manyConnections(stage: Stage): Promise<Measurement[]> {
  const { grounds, program, quick, behind, lineup } = stage;
  const [connections, streams] = quick ? [200, 50] : [10_000, 1000];
  const crls = await grounds.crls(100);
  const gateway = await startScaleGateway({ name: "held", program, workers: 1, crls }, grounds, behind);
  try {
    const plain = plainLoad(grounds, timesOf(quick));
    await measure(plain, gateway, lineup);
    const before = residentBytes([gateway.pid]);
    let idle = 0;
    const failed = await whileIdle(connections, plain, gateway, lineup, () => {
      idle = residentBytes([gateway.pid]);
    });
    // A process of its own: what the idle ones left behind would make a stream look cheap.
    await gateway.stop();
    const fresh = await startScaleGateway({ name: "streaming", program, workers: 1, crls }, grounds, behind);
    try {
      await measure(plain, fresh, lineup);
      const atRest = residentBytes([fresh.pid]);
      let streaming = 0;
      const broken = await whileStreaming(streams, fresh, grounds, () => {
        streaming = residentBytes([fresh.pid]);
      });
      const kB = (from: number, to: number, count: number) => rounded((to - from) / count / 1000);
      return [
        {
          what: `${connections.toLocaleString("en")} idle connections on one worker`,
          values: {
            "kB each": kB(before, idle, connections),
            "MB in all": rounded(idle / 1e6),
            failed,
          },
        },
        {
          what: `${streams.toLocaleString("en")} concurrent streams on one worker`,
          values: {
            "kB each": kB(atRest, streaming, streams),
            "MB in all": rounded(streaming / 1e6),
            failed: broken,
          },
        },
      ];
    } finally {
      await fresh.stop();
    }
  } finally {
    await gateway.stop();
  }
}

async function alternately(
  [one, other]: readonly [Running, Running],
  load: Load,
  lineup: Lineup,
  quick: boolean,
): Promise<readonly (readonly [LoadResult, LoadResult])[]> {
  for (const target of [one, other]) await measure(load, target, lineup);
  const pairs: [LoadResult, LoadResult][] = [];
  for (let round = 0; round < (quick ? 1 : rounds); round += 1) {
    // Neither is always the first.
    if (round % 2 === 0) {
      const first = await measure(load, one, lineup);
      pairs.push([first, await measure(load, other, lineup)]);
    } else {
      const first = await measure(load, other, lineup);
      pairs.push([await measure(load, one, lineup), first]);
    }
  }
  return pairs;
}

/** Medians, and the median of the ratios of runs that stood side by side. */
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

const megabytes = ({ pid }: Running): number => rounded(residentBytes([pid]) / 1e6);

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

/** Opens streams, calls `during` while they flow, and ends them. @returns how many failed */
async function whileStreaming(
  streams: number,
  { port }: Running,
  { folder, clients }: Grounds,
  during: () => void,
): Promise<number> {
  const path = "/openai/deployments/slow/chat/completions?api-version=2024-10-21";
  const plan = { port, ca: join(folder, "root.pem"), clients, path, streams };
  const words = ["-c", cores.rest, process.execPath, join(import.meta.dirname, "scale/streams.ts")];
  const child = spawn("taskset", [...words, JSON.stringify(plan)], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  during();
  const ended = once(child, "exit");
  child.stdin.write("enough\n");
  await ended;
  const { failures, example } = JSON.parse(line) as { failures: number; example: string };
  if (failures > 0) process.stderr.write(`streams: ${example}\n`);
  return failures;
}
