import type { Cancel, Clock } from "./clock.ts";

const everyMs = 5000;
/** Clocks are kept right in small steps all the time. */
const noticedMs = 2000;

/**
 * Tells when the wall clock has gone another way than the monotonic one: somebody set it, or the machine slept. What
 * depends on it follows by itself; the operator who reads of expired certificates should know why.
 * @param changed hears by how many milliseconds, negative for backwards
 */
export function watchClock(clock: Clock, changed: (byMs: number) => void): Cancel {
  let difference = clock.now() - clock.monotonic();
  const look = (): Cancel =>
    clock.after(everyMs, () => {
      const byMs = clock.now() - clock.monotonic() - difference;
      // Slow drift is followed, and adds up to nothing.
      difference += byMs;
      if (Math.abs(byMs) >= noticedMs) changed(Math.round(byMs));
      cancel = look();
    });
  let cancel = look();
  return () => cancel();
}
