import type { Clock } from "../kernel/clock.ts";

/** Lets a renewal that a backend's 401 asks for through, rarely: the 401 may have another reason, and often has. */
export interface RenewalGate {
  /** @returns false when the last renewal is too recent */
  tryPass(): boolean;
  /** Starts the renewal, unless one is under way. Its own failure is its owner's to tell. */
  renew(run: () => Promise<unknown>): void;
  /** The renewal under way, and no longer than callers should wait for it; undefined: none. Never rejects. */
  underWay(): Promise<void> | undefined;
}

/** Milliseconds from one renewal to the next. */
const pauseMs = 30_000;
/** Milliseconds that callers wait for a renewal: afterwards what is at hand is used, as during any other outage. */
const longestWaitMs = 3_000;

export function createRenewalGate(clock: Clock): RenewalGate {
  let lastAt = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;
  return {
    tryPass() {
      if (clock.monotonic() - lastAt < pauseMs) return false;
      lastAt = clock.monotonic();
      return true;
    },
    renew(run) {
      if (underWay !== undefined) return;
      const { promise: over, resolve } = Promise.withResolvers<void>();
      const cancel = clock.after(longestWaitMs, resolve);
      run().then(
        () => resolve(),
        () => resolve(),
      );
      underWay = over.finally(() => {
        cancel();
        underWay = undefined;
      });
    },
    underWay: () => underWay,
  };
}

/** The promise's end, or the signal's: then its reason is thrown. */
export async function unlessAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  await Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}
