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
 * Watches how long the event loop does not come round, which is how long a request would have to wait: by the clock,
 * and by the processor time of this thread, which other processes on the machine do not add to.
 * @returns ends the watch; the longest waits in milliseconds
 */
export function watchStalls(): () => { "longest stall ms": number; "of its own work ms": number } {
  let lastAt = performance.now();
  let lastCpu = ownCpuMs();
  let longest = 0;
  let longestOwn = 0;
  const look = () => {
    const at = performance.now();
    const cpu = ownCpuMs();
    longest = Math.max(longest, at - lastAt);
    longestOwn = Math.max(longestOwn, cpu - lastCpu);
    lastAt = at;
    lastCpu = cpu;
  };
  const timer = setInterval(look, 1);
  return () => {
    clearInterval(timer);
    look();
    return { "longest stall ms": rounded(longest), "of its own work ms": rounded(longestOwn) };
  };
}

function ownCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
