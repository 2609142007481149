import type { Cancel, Clock } from "../../src/kernel/clock.ts";

/** Two clocks that stand still until a test moves them. Timers fire in order of their time, then of their making. */
export class ManualClock implements Clock {
  #now: number;
  #monotonic = 0;
  /** By the monotonic clock, as real ones are. */
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, run: () => void): Cancel {
    const timer = { at: this.#monotonic + Math.max(ms, 0), run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves on by `ms`; each timer on the way fires at its time, and what it started gets to run. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) {
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#pass(next.at - this.#monotonic);
      next.run();
      await settle();
    }
    this.#pass(end - this.#monotonic);
  }

  /** Lets time pass without firing anything: timers come late. Below zero: only the wall clock goes back. */
  sleep(ms: number): void {
    this.#now += ms;
    this.#monotonic += Math.max(ms, 0);
  }

  /** Sets the wall clock forward or back, as somebody does, or as a machine that slept finds it. */
  set(byMs: number): void {
    this.#now += byMs;
  }

  #pass(ms: number): void {
    this.#now += Math.max(ms, 0);
    this.#monotonic += Math.max(ms, 0);
  }

  #nextUntil(end: number) {
    return this.#timers.filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0];
  }
}

/** Lets every promise that can go on without I/O go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
