/** How often the event loop is looked at: far more often than a limit, or a turn of just that length would go unseen. */
const everyMs = 20;
/** For how long it must be late, or in time again, until that counts: one slow step is no overload. */
const settledMs = 1000;
const settledLooks = 3;

/**
 * Notices an event loop that cannot keep up: each look comes later than it should by what the loop had to do in between.
 * Overload begins when every look of a second is later than the limit, and ends when every look of a second is later by
 * less than half of it: so it does not flutter when turning requests away has helped.
 */
export class LoopWatch {
  readonly #limitMs: () => number;
  readonly #changed: (overloaded: boolean, lagMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = 0;
  /** Looks that speak for the other state, and since when; monotonic milliseconds. */
  #against: { readonly since: number; looks: number } | undefined;
  #overloaded = false;

  /** @param changed hears of each beginning and end */
  constructor(limitMs: () => number, changed: (overloaded: boolean, lagMs: number) => void = () => {}) {
    this.#limitMs = limitMs;
    this.#changed = changed;
  }

  get overloaded(): boolean {
    return this.#overloaded;
  }

  start(): void {
    this.#lookedAt = performance.now();
    this.#timer = setInterval(() => this.look(performance.now()), everyMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @param now monotonic milliseconds; looks are planned `everyMs` apart */
  look(now: number): void {
    const before = this.#lookedAt;
    const lag = Math.max(0, now - before - everyMs);
    this.#lookedAt = now;
    const limit = this.#limitMs();
    if (this.#overloaded ? lag >= limit / 2 : lag <= limit) {
      this.#against = undefined;
      return;
    }
    this.#against ??= { since: before, looks: 0 };
    this.#against.looks += 1;
    if (this.#against.looks < settledLooks || now - this.#against.since < settledMs) return;
    this.#against = undefined;
    this.#overloaded = !this.#overloaded;
    this.#changed(this.#overloaded, lag);
  }
}
