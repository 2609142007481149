import type { Cancel, Clock } from "./clock.ts";

/**
 * An instant that has come as soon as either clock says so: the wall clock has reached it, or as much time has passed as
 * was left to it when it was set. So what ends at that instant ends also when the wall clock is set back, and when the
 * machine slept. Fails towards the end: a clock that is set forward brings it on.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #wall: number;
  readonly #monotonic: number;

  /** @param at epoch ms; `Infinity`: never */
  constructor(clock: Clock, at: number) {
    this.#clock = clock;
    this.#wall = at;
    this.#monotonic = clock.monotonic() + (at - clock.now());
  }

  /** Milliseconds until it comes; negative afterwards. */
  get leftMs(): number {
    return Math.min(this.#wall - this.#clock.now(), this.#monotonic - this.#clock.monotonic());
  }

  get passed(): boolean {
    return this.leftMs <= 0;
  }

  /** Epoch ms at which it comes, as the wall clock shows now. */
  get at(): number {
    return Math.round(this.#clock.now() + this.leftMs);
  }
}

/** How late a wall clock that was set, or a machine that slept, is noticed at most. */
const lookMs = 10_000;

/** Calls `run` once when the deadline has passed, by whichever clock: a plain timer knows of one of them only. */
export function whenPassed(clock: Clock, deadline: Deadline, run: () => void): Cancel {
  const look = (): Cancel =>
    clock.after(Math.min(Math.max(deadline.leftMs, 0), lookMs), () => {
      if (deadline.passed) run();
      else cancel = look();
    });
  let cancel = look();
  return () => cancel();
}
