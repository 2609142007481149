import type { ReadinessItem } from "../admin/readiness.ts";
import type { Clock } from "../kernel/clock.ts";
import { redactText } from "../kernel/redact.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { WorkerProcess } from "../supervisor/worker-process.ts";
import type { WorkerState } from "../supervisor/worker-slot.ts";
import type { FleetState } from "../telemetry/fleet-metrics.ts";
import type { MetricsSnapshot } from "../telemetry/metrics.ts";

/** A worker that serves answers in a millisecond; one that takes longer is told as what it is. */
const longestAnswerMs = 2000;

export type FleetPhase = "starting" | "accepting" | "shutting down";

/**
 * The readiness of all workers, item by item, with the worker's index in the name. Whatever is wrong with one that
 * takes connections is wrong with the gateway. One that drains, or died and is on its way back, takes none: the others
 * serve everybody, so it is told, but does not take the gateway out of service.
 */
export async function fleetReadiness(
  supervisor: Supervisor,
  phase: FleetPhase,
  clock: Clock,
): Promise<ReadinessItem[]> {
  const { states, serving } = supervisor;
  const own: ReadinessItem = {
    name: "workers",
    ok: phase === "accepting" && serving.size > 0,
    detail: phase === "accepting" ? `${serving.size} of ${states.length} serve` : phase,
  };
  if (phase === "shutting down") return [own];
  const others = states
    .filter(({ index }) => !serving.has(index))
    .map((state) => absence(state, serving.size > 0, clock));
  const items = await Promise.all([...serving].map(([index, worker]) => itemsOf(index, worker)));
  return [own, ...others, ...items.flat()];
}

function absence(state: WorkerState, othersServe: boolean, clock: Clock): ReadinessItem {
  const { index, phase, proven, lastDeath, startsAt } = state;
  const seconds = startsAt === undefined ? 0 : Math.max(0, Math.ceil((startsAt - clock.now()) / 1000));
  const next = phase === "waiting" ? `, it is started again in ${seconds} s` : "";
  return {
    name: `worker ${index}`,
    ok: proven && othersServe,
    detail: lastDeath === undefined ? phase : `${phase}: ${redactText(lastDeath)}${next}`,
  };
}

async function itemsOf(index: number, worker: WorkerProcess): Promise<ReadinessItem[]> {
  try {
    const signal = AbortSignal.timeout(longestAnswerMs);
    const items = (await worker.calls.call("readiness", undefined, signal)) as ReadinessItem[];
    return items.map((item) => ({ ...item, name: `worker ${index}: ${item.name}` }));
  } catch {
    return [{ name: `worker ${index}`, ok: false, detail: "it does not answer" }];
  }
}

/** The metrics of each worker; undefined for one that does not answer. */
export async function fleetSnapshots(
  supervisor: Supervisor,
): Promise<ReadonlyMap<WorkerProcess, MetricsSnapshot | undefined>> {
  return new Map(
    await Promise.all(
      supervisor.answering.map(async (worker) => [worker, await snapshotOf(worker)] as const),
    ),
  );
}

async function snapshotOf(worker: WorkerProcess): Promise<MetricsSnapshot | undefined> {
  try {
    const signal = AbortSignal.timeout(longestAnswerMs);
    return (await worker.calls.call("metrics", undefined, signal)) as MetricsSnapshot;
  } catch {
    // Its last numbers stand in; its silence is told by the readiness.
    return undefined;
  }
}

export function fleetState({ states }: Supervisor): FleetState {
  const count = (phase: WorkerState["phase"]) => states.filter((state) => state.phase === phase).length;
  return {
    phases: {
      starting: count("starting"),
      ready: count("ready"),
      leaving: count("leaving"),
      waiting: count("waiting"),
    },
    restarts: states.reduce((total, state) => total + state.restarts, 0),
  };
}
