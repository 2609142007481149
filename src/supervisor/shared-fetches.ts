import type { Clock } from "../kernel/clock.ts";
import { GatewayError } from "../kernel/errors.ts";

export interface SharedFetchesOptions {
  readonly clock: Clock;
  /**
   * Milliseconds for which an answer serves everybody who asks. Long enough for workers that refresh at about the same
   * time, and shorter than any interval between two refreshes.
   */
  readonly keepMs: number;
  /** Milliseconds for one fetch. Default 30,000. */
  readonly timeoutMs?: number;
  /** How many answers are kept, and failures counted, at the same time; the oldest goes first. Default 300. */
  readonly maximum?: number;
}

/** An answer, and when it was fetched. */
interface Kept {
  readonly outcome: { readonly value: unknown } | { readonly fault: unknown };
  /** Monotonic ms. */
  readonly until: number;
}

/** A source that asks for a pause gets one, but not one that outlasts the answer it may give by then. */
const longestPauseMs = 60_000;

/**
 * One fetch for all workers: who asks while it is under way joins it, and who asks soon afterwards gets its outcome.
 * A failure is an outcome too, for a time that grows while it lasts: N workers must not knock N times as often at a
 * source that is down.
 */
export class SharedFetches {
  readonly #options: SharedFetchesOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #flights = new Map<string, Promise<unknown>>();
  readonly #failures = new Map<string, number>();

  constructor(options: SharedFetchesOptions) {
    this.#options = options;
  }

  /**
   * @param key what is fetched: equal keys are the same thing
   * @param fetch its signal aborts when the time is over; the wait of one who asks says nothing about the others
   * @param onFetched called with a value that is new to everybody, before anybody gets it
   * @throws what the fetch threw, also when that was somebody else's
   */
  async get<T>(
    key: string,
    fetch: (signal: AbortSignal) => Promise<T>,
    onFetched?: (value: T) => void,
  ): Promise<T> {
    const kept = this.#kept.get(key);
    if (kept !== undefined && this.#options.clock.monotonic() < kept.until) {
      if ("fault" in kept.outcome) throw kept.outcome.fault;
      return kept.outcome.value as T;
    }
    let flight = this.#flights.get(key) as Promise<T> | undefined;
    if (flight === undefined) {
      flight = this.#fetch(key, fetch, onFetched).finally(() => this.#flights.delete(key));
      this.#flights.set(key, flight);
    }
    return flight;
  }

  async #fetch<T>(
    key: string,
    fetch: (signal: AbortSignal) => Promise<T>,
    onFetched: ((value: T) => void) | undefined,
  ): Promise<T> {
    const { clock, keepMs, maximum = 300 } = this.#options;
    try {
      const value = await this.#inTime(key, fetch);
      this.#failures.delete(key);
      this.#keep(key, { outcome: { value }, until: clock.monotonic() + keepMs });
      onFetched?.(value);
      return value;
    } catch (fault) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      // The key that failed last stands last. Certificates steer which URLs there are.
      this.#failures.delete(key);
      this.#failures.set(key, failures);
      const [oldest] = this.#failures.keys();
      if (this.#failures.size > maximum && oldest !== undefined) this.#failures.delete(oldest);
      // Half of what each worker waits before it tries again, so that nobody's next try meets this failure.
      const pause = Math.min(500 * 2 ** Math.min(failures - 1, 20), keepMs);
      const asked = fault instanceof GatewayError ? (fault.retryAfterSeconds ?? 0) * 1000 : 0;
      const ms = Math.max(pause, Math.min(asked, longestPauseMs));
      this.#keep(key, { outcome: { fault }, until: clock.monotonic() + ms });
      throw fault;
    }
  }

  async #inTime<T>(key: string, fetch: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, timeoutMs = 30_000 } = this.#options;
    const ending = new AbortController();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = clock.after(timeoutMs, () => {
      const reason = new Error(`${key}: no answer within ${timeoutMs} ms`);
      ending.abort(reason);
      reject(reason);
    });
    return Promise.race([fetch(ending.signal), late]).finally(cancel);
  }

  #keep(key: string, kept: Kept): void {
    const { clock, maximum = 300 } = this.#options;
    // Also by time, so that a token or a large CRL does not stay here for nothing.
    const forget = () => {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
    };
    clock.after(kept.until - clock.monotonic(), forget);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    for (const [oldest] of this.#kept) {
      if (this.#kept.size <= maximum) break;
      this.#kept.delete(oldest);
    }
  }
}
