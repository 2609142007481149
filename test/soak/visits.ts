/** Something that is done again and again beside the steady load. */
export interface Visit {
  readonly name: string;
  readonly everyMs: number;
  /**
   * @param signal aborts when it is time to come to an end
   * @throws when it did not go as it should
   */
  run(signal: AbortSignal): Promise<void>;
}

export interface VisitCount {
  readonly name: string;
  readonly done: number;
  readonly failed: number;
  /** The first that failed. */
  readonly example?: string;
}

export interface Visits {
  readonly counts: readonly VisitCount[];
  stop(): Promise<void>;
}

/** Each visit by itself: the next one begins when it is due and the one before has ended. */
export function startVisits(visits: readonly Visit[]): Visits {
  const ending = new AbortController();
  const counts = visits.map(({ name }) => ({ name, done: 0, failed: 0, example: "" }));
  const running = visits.map(async (visit, index) => {
    const count = counts[index]!;
    while (!ending.signal.aborted) {
      const began = performance.now();
      try {
        await visit.run(ending.signal);
        count.done += 1;
      } catch (fault) {
        count.failed += 1;
        count.example ||= String(fault);
      }
      await pause(visit.everyMs - (performance.now() - began), ending.signal);
    }
  });
  return {
    get counts() {
      return counts.map(({ example, ...rest }) => (example === "" ? rest : { ...rest, example }));
    },
    async stop() {
      ending.abort();
      await Promise.all(running);
    },
  };
}

/** Resolves early, without a fault, when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, ms));
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  return promise.finally(() => clearTimeout(timer));
}
