import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Grounds, prepareGrounds } from "./gateway/grounds.ts";
import type { LoadResult } from "./gateway/load-plan.ts";
import { type Lineup, measure, whileIdle } from "./gateway/measure.ts";
import { residentBytes } from "./gateway/process-figures.ts";
import { buildGateway, type Running, startBackends, startGateway, startPeer } from "./gateway/programs.ts";
import { reloadLines } from "./gateway/reload.ts";
import { handshakeLoad, handshakeRows, loadRows, plainLoad, type Row, type Times } from "./gateway/rows.ts";
import { directly, type Line, linesOf, render } from "./gateway/table.ts";

export interface GatewayBenchOptions {
  /** Tiny: shows that it runs, says nothing about speed. */
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  /** Another checkout, measured beside this one: before and after a change. */
  readonly against?: string;
  /** Rows whose names hold one of these; empty: all. */
  readonly only: readonly string[];
  readonly say: (text: string) => void;
}

export interface GatewayBenchReport {
  readonly programs: Readonly<Record<string, string>>;
  readonly load: { readonly before: number; readonly after: number };
  readonly lines: readonly Line[];
  readonly text: string;
}

const peers = ["nginx", "haproxy", "caddy"] as const;
const idleConnections = 10_000;
/** For which a process has time to give back what it keeps only for a load. */
const restMs = 30_000;

/** The built gateway beside the peers that this machine has, in alternating runs. */
export async function benchGateway(options: GatewayBenchOptions): Promise<GatewayBenchReport> {
  const before = loadavg()[0] ?? 0;
  const done = new AsyncDisposableStack();
  try {
    const built = await mkdtemp(join(tmpdir(), "certgate-built-"));
    done.defer(() => rm(built, { recursive: true, force: true }));
    const gateways = [
      { name: "certgate", program: await buildGateway(join(import.meta.dirname, ".."), join(built, "now")) },
    ];
    if (options.against !== undefined)
      gateways.push({
        name: "against",
        program: await buildGateway(options.against, join(built, "against")),
      });
    const grounds = await prepareGrounds();
    done.defer(() => grounds.stop());
    const backends = await startBackends(grounds);
    for (const backend of backends) done.defer(() => backend.stop());
    const lineup = { grounds, backends };
    const lines: Line[] = [];
    let programs: Record<string, string> = { backend: backends[0].version };
    const stage = async (entries: number, use: (targets: readonly Running[]) => Promise<Line[]>) => {
      const targets = await startAll(gateways, lineup, entries, options);
      try {
        programs = {
          ...programs,
          ...Object.fromEntries(
            targets.map(({ name, version, remark }) => [
              name,
              remark === undefined ? version : `${version}, ${remark}`,
            ]),
          ),
        };
        lines.push(...(await use(targets)));
      } finally {
        await Promise.all(targets.map((target) => target.stop()));
      }
    };
    const times: Times = {
      warmUpMs: options.quick ? 300 : 800,
      measureMs: options.quick ? 400 : options.seconds * 1000,
    };
    const wanted = (name: string) =>
      options.only.length === 0 || options.only.some((part) => name.includes(part));
    for (const [entries, atLeast] of options.quick
      ? ([[100, 1.25]] as const)
      : ([
          [100, 1.25],
          [100_000, 3.3],
          [1_000_000, 30],
        ] as const)) {
      const rows = [
        ...(entries === 100 ? loadRows(grounds, times, 2000) : []),
        ...handshakeRows(grounds, times, entries, atLeast),
      ].filter(({ name }) => wanted(name));
      const memory = entries === 100 && wanted("memory") && !options.quick;
      const reload = entries === 1_000_000 && wanted("reload") && !options.quick;
      if (rows.length === 0 && !memory && !reload) continue;
      await stage(entries, async (targets) => {
        await warmUp(targets, lineup, options);
        const found: Line[] = [];
        for (const row of rows) found.push(...(await runRow(row, targets, lineup, options)));
        if (memory) found.push(...(await memoryLines(targets, lineup, times, options)));
        if (reload) found.push(...(await reloadLines(targets, lineup, options.say)));
        return found;
      });
    }
    return { programs, load: { before, after: loadavg()[0] ?? 0 }, lines, text: render(lines) };
  } finally {
    await done.disposeAsync();
  }
}

async function startAll(
  gateways: readonly { readonly name: string; readonly program: string }[],
  { grounds, backends: [main, streams] }: Lineup,
  entries: number,
  { say }: GatewayBenchOptions,
): Promise<Running[]> {
  const behind = { backendPort: main?.port ?? 0, streamPort: streams?.port ?? 0 };
  const crls = await grounds.crls(entries);
  const targets: Running[] = [];
  try {
    for (const gateway of gateways) targets.push(await startGateway(gateway, grounds, behind, crls));
    for (const name of peers) {
      const peer = await startPeer(name, grounds, behind, crls);
      if (peer === undefined) say(`${name} is not on this machine: skipped`);
      else targets.push(peer);
    }
  } catch (fault) {
    await Promise.all(targets.map((target) => target.stop()));
    throw fault;
  }
  return targets;
}

/** Until a just-in-time compiler has seen so many, each costs more: first several times as much, in the end a tenth. */
const warm = { requests: 100_000, handshakes: 25_000 };
/** Of each row's own load, for the same reason: there are fewer streams, and far fewer bodies of 10 MB. */
const warmRowMs = 8000;

/** What a just-in-time compiler needs once, of all that is measured; also shows at once who answers nothing. */
async function warmUp(
  targets: readonly Running[],
  lineup: Lineup,
  { quick }: GatewayBenchOptions,
): Promise<void> {
  const times = { warmUpMs: 100, measureMs: quick ? 1000 : 3000 };
  for (const [load, enough] of [
    [plainLoad(lineup.grounds, times), warm.requests],
    [handshakeLoad(lineup.grounds, times), warm.handshakes],
  ] as const)
    for (const target of targets) {
      // What was compiled before it was started needs no more than to be seen to answer.
      let answered = 0;
      for (let turn = 0; turn < (quick || isCompiled(target) ? 1 : 40) && answered < enough; turn += 1)
        answered += (await measure(load, target, lineup)).answers;
    }
}

const isCompiled = ({ name }: Running): boolean => (peers as readonly string[]).includes(name);

async function runRow(
  row: Row,
  targets: readonly Running[],
  lineup: Lineup,
  { rounds, quick, say }: GatewayBenchOptions,
): Promise<Line[]> {
  const [backend] = lineup.backends;
  const needsDirect = row.figures.some(({ added }) => added === true);
  const direct = needsDirect && backend !== undefined ? [{ ...backend, name: directly }] : [];
  const all = [...direct, ...targets];
  const results: Record<string, LoadResult[]> = Object.fromEntries(all.map(({ name }) => [name, []]));
  if (!quick)
    for (const target of targets.filter((each) => !isCompiled(each)))
      await measure({ ...row.load, measureMs: row.warmMs ?? warmRowMs }, target, lineup);
  for (let round = 0; round < (quick ? 1 : rounds); round += 1) {
    // Nobody is always the first.
    for (let at = 0; at < all.length; at += 1) {
      const target = all[(at + round) % all.length] as Running;
      const result = await measure(row.load, target, lineup);
      results[target.name]?.push(result);
    }
  }
  const lines = linesOf(row, results);
  say(render(lines));
  return lines;
}

/** Memory after the load so far, and at rest; and how much of it each idle connection adds. */
async function memoryLines(
  targets: readonly Running[],
  lineup: Lineup,
  times: Times,
  { quick, say }: GatewayBenchOptions,
): Promise<Line[]> {
  const after: Record<string, { median: number; low: number; high: number }> = {};
  const rested: typeof after = {};
  const each: typeof after = {};
  const remarks: string[] = [];
  const once = (value: number) => ({ median: value, low: value, high: value });
  for (const target of targets) {
    await measure(plainLoad(lineup.grounds, times), target, lineup);
    after[target.name] = once(residentBytes([target.pid]) / 1e6);
    await setTimeout(quick ? 0 : restMs);
    rested[target.name] = once(residentBytes([target.pid]) / 1e6);
    // Busy again as it was, so that only the connections are counted.
    await measure(plainLoad(lineup.grounds, times), target, lineup);
    const before = residentBytes([target.pid]);
    const failures = await whileIdle(
      idleConnections,
      plainLoad(lineup.grounds, times),
      target,
      lineup,
      () => {
        each[target.name] = once((residentBytes([target.pid]) - before) / idleConnections / 1e3);
      },
    );
    if (failures > 0) remarks.push(`${target.name}: ${failures} of the connections failed`);
  }
  const line = { row: "memory", digits: 0, remarks };
  const lines = [
    { ...line, figure: "after load", unit: "MB", values: after },
    { ...line, figure: `- ${restMs / 1000} s later`, unit: "MB", values: rested },
    { ...line, figure: `an idle connection of ${idleConnections}`, unit: "kB", values: each },
  ];
  say(render(lines));
  return lines;
}

export type { Grounds };
