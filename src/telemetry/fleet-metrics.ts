import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { MetricsSnapshot } from "./metrics.ts";

/** What the supervisor itself knows of its workers. */
export interface FleetState {
  /** How many are in each phase. */
  readonly phases: Readonly<Record<string, number>>;
  /** How often one was started again, all together. */
  readonly restarts: number;
}

export interface FleetMetrics {
  readonly contentType: string;
  /**
   * The page over all workers.
   * @param snapshots by process; undefined for one that did not answer: its last numbers stand in
   */
  render(snapshots: ReadonlyMap<object, MetricsSnapshot | undefined>): Promise<string>;
  /** A configuration was refused before any worker heard of it. */
  reloadRefused(): void;
  /** The process is gone. What it had counted stays counted: a sum that falls would read as a restart of everything. */
  gone(process: object): void;
}

interface Typed {
  readonly type?: unknown;
}

/** Sums the workers' metrics, gauges by their meaning, and adds the supervisor's own. */
export function createFleetMetrics(read: () => FleetState): FleetMetrics {
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  const workers = new Gauge({
    name: "certgate_workers",
    help: "Worker processes in each phase; with a single process there is no such metric.",
    labelNames: ["phase"],
    registers: [own],
    collect() {
      for (const [phase, count] of Object.entries(read().phases)) workers.set({ phase }, count);
    },
  });
  const restarts = new Counter({
    name: "certgate_worker_restarts_total",
    help: "Worker processes that were started again after their end.",
    registers: [own],
    collect() {
      restarts.reset();
      restarts.inc(read().restarts);
    },
  });
  // Of the same name as the workers' own, so that it adds to theirs.
  const reloads = new Counter({
    name: "certgate_configuration_reloads_total",
    help: "How often the configuration was read again, and what came of it.",
    labelNames: ["outcome"],
    registers: [own],
  });
  const last = new Map<object, MetricsSnapshot>();
  const gone = new WeakSet<object>();
  /** What all that are gone had counted. One after the other: two pages may be asked for at the same time. */
  let departed: Promise<MetricsSnapshot> = Promise.resolve([]);

  return {
    contentType: own.contentType,
    async render(snapshots) {
      // One that ended after it had answered is with the departed already, and must not count twice.
      for (const [process, snapshot] of snapshots)
        if (snapshot !== undefined && !gone.has(process)) last.set(process, snapshot);
      // Of one moment: a worker that ends while this waits is in the one or in the other.
      const [present, past] = [[...last.values()], departed];
      return sum([await own.getMetricsAsJSON(), await past, ...present]).metrics();
    },
    reloadRefused: () => reloads.inc({ outcome: "refused" }),
    gone(process) {
      const snapshot = last.get(process);
      last.delete(process);
      gone.add(process);
      if (snapshot === undefined) return;
      departed = departed.then((before) => sum([before, snapshot.filter(isCounted)]).getMetricsAsJSON());
    },
  };
}

const isCounted = (metric: Typed): boolean => metric.type === "counter" || metric.type === "histogram";

const sum = (snapshots: readonly MetricsSnapshot[]): Registry =>
  AggregatorRegistry.aggregate(snapshots.map((snapshot) => [...snapshot]));
