/** One line of the table: what was measured, and its numbers by name and unit. */
export interface Measurement {
  readonly what: string;
  readonly values: Readonly<Record<string, number>>;
}

/** Two significant figures or whole numbers: more would pretend. */
export const rounded = (value: number): number =>
  value >= 100 ? Math.round(value) : Number(value.toPrecision(2));

/** Calls per second, and microseconds a call, over at least `minimumMs`. */
export function rateOf(run: () => void, minimumMs: number): { "per second": number; µs: number } {
  // The first calls are the compiler's.
  for (let i = 0; i < 200; i += 1) run();
  const start = performance.now();
  let calls = 0;
  while (performance.now() - start < minimumMs) {
    for (let i = 0; i < 20; i += 1) run();
    calls += 20;
  }
  const ms = performance.now() - start;
  return { "per second": Math.round((calls / ms) * 1000), µs: rounded((ms * 1000) / calls) };
}

/**
 * Watches how long the event loop does not come round, which is how long a request would have to wait.
 * @returns ends the watch; the longest wait in milliseconds
 */
export function watchStalls(): () => number {
  let last = performance.now();
  let longest = 0;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, 1);
  return () => {
    clearInterval(timer);
    look();
    return longest;
  };
}
