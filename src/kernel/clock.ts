/** Cancels a scheduled call; calling it twice, or after the call ran, does nothing. */
export type Cancel = () => void;

/**
 * The only source of time. Every decision takes its instant from here, so a test (and `certgate explain`) can
 * choose it.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch, as the machine has it: it can be set, and goes on while the machine sleeps. For dates. */
  now(): number;
  /** Milliseconds since some moment, by a clock that nobody sets and that may stand still while the machine sleeps. For durations. */
  monotonic(): number;
  /** Calls `run` once, `ms` milliseconds from now by the monotonic clock. Never keeps the process alive by itself. */
  after(ms: number, run: () => void): Cancel;
}

/** setTimeout fires at once above 2^31-1 ms; a longer wait is capped, and its owner looks at the clock again. */
const longestTimer = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), longestTimer));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
