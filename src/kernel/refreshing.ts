import type { Cancel, Clock } from "./clock.ts";

/** What a fetch brings. */
export interface Fetched<T> {
  readonly value: T;
  /** Epoch ms from which the value must not be used any more, whatever happens. Absent: only `maxStaleMs` bounds it. */
  readonly expiresAt?: number;
  /** Epoch ms at which to fetch again. Absent: after `intervalMs`. */
  readonly refreshAt?: number;
}

/**
 * `empty`: nothing was ever fetched. `fresh`: the last fetch worked and the next is not overdue. `stale`: refreshing
 * fails or is overdue, the last good value is still usable. `expired`: the last good value may not be used any more.
 */
export type Freshness = "empty" | "fresh" | "stale" | "expired";

/** The state as readiness and metrics read it. */
export interface RefreshingState {
  readonly name: string;
  readonly freshness: Freshness;
  /** Epoch ms of the last fetch that worked. */
  readonly fetchedAt?: number;
  /** Epoch ms from which the value is unusable. */
  readonly expiresAt?: number;
  /** The last failure, while it is newer than the last success. */
  readonly lastError?: unknown;
}

export interface RefreshingOptions<T> {
  /** For logs, readiness and metrics, e.g. `trust anchor root-ca`. */
  readonly name: string;
  readonly clock: Clock;
  /** Fetches a value. The signal aborts when the owner stops. Throws when it cannot. */
  readonly fetch: (signal: AbortSignal) => Promise<Fetched<T>>;
  /** Milliseconds from one good fetch to the next when the value itself does not say. */
  readonly intervalMs: number;
  /** Share of the wait that is varied at random, so that replicas do not call in step. Default 0.1. */
  readonly jitter?: number;
  /** First wait after a failure; it doubles up to `intervalMs`. Default 1000 ms. */
  readonly cooldownMs?: number;
  /** Milliseconds after the last good fetch for which its value may still be used. Default: no bound. */
  readonly maxStaleMs?: number;
  /** Called after each fetch that worked. A throw in it counts as a failed fetch's report, never as a crash. */
  readonly onValue?: (value: T) => void;
  readonly onError?: (error: unknown) => void;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/**
 * The one mechanism for everything that is fetched and kept: last good value, single flight, refresh ahead with
 * jitter, backoff after failures, a hard end. A refresh never makes a caller wait while a usable value is at hand.
 */
export class Refreshing<T> {
  readonly name: string;
  readonly #options: RefreshingOptions<T>;
  readonly #stopping = new AbortController();
  #good: (Fetched<T> & { readonly fetchedAt: number }) | undefined;
  #flight: Promise<T> | undefined;
  #cancelTimer: Cancel | undefined;
  #dueAt = 0;
  #failures = 0;
  #lastError: unknown;

  constructor(options: RefreshingOptions<T>) {
    this.name = options.name;
    this.#options = options;
  }

  /** The value if it may be used now, else undefined. Never waits, never fetches. */
  usable(): T | undefined {
    const good = this.#good;
    return good !== undefined && this.#options.clock.now() < this.#endOf(good) ? good.value : undefined;
  }

  /**
   * The usable value, or the outcome of a fetch. Fails fast with the last error during the cooldown after a
   * failure, so an outage causes no stampede.
   * @throws what the fetch threw, or the signal's reason: an abort ends this caller's wait, not the fetch.
   */
  async get(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const { clock } = this.#options;
    const usable = this.usable();
    if (usable !== undefined) {
      // Timers do not fire while a machine sleeps: an overdue refresh is started here, and not waited for.
      if (clock.now() >= this.#dueAt) void this.refresh().catch(() => {});
      return usable;
    }
    if (this.#flight === undefined && this.#failures > 0 && clock.now() < this.#dueAt) throw this.#lastError;
    return abortable(this.refresh(), signal);
  }

  /** Fetches now, or joins the fetch under way. */
  refresh(): Promise<T> {
    this.#flight ??= this.#fetchOnce().finally(() => {
      this.#flight = undefined;
    });
    return this.#flight;
  }

  state(): RefreshingState {
    const { clock } = this.#options;
    const good = this.#good;
    const error = this.#failures > 0 ? { lastError: this.#lastError } : {};
    if (good === undefined) return { name: this.name, freshness: "empty", ...error };
    const end = this.#endOf(good);
    const freshness =
      clock.now() >= end
        ? "expired"
        : this.#failures > 0 || clock.now() >= this.#dueAt + 60_000
          ? "stale"
          : "fresh";
    return {
      name: this.name,
      freshness,
      fetchedAt: good.fetchedAt,
      ...(Number.isFinite(end) ? { expiresAt: end } : {}),
      ...error,
    };
  }

  /** Ends timers and any fetch under way. The last value stays readable. */
  stop(): void {
    this.#cancelTimer?.();
    this.#stopping.abort(new Error(`${this.name}: stopped`));
  }

  #endOf(good: Fetched<T> & { readonly fetchedAt: number }): number {
    const stale = good.fetchedAt + (this.#options.maxStaleMs ?? Number.POSITIVE_INFINITY);
    return Math.min(good.expiresAt ?? Number.POSITIVE_INFINITY, stale);
  }

  async #fetchOnce(): Promise<T> {
    const { clock, fetch, onValue, onError, intervalMs, cooldownMs = 1000 } = this.#options;
    try {
      this.#stopping.signal.throwIfAborted();
      const fetched = await fetch(this.#stopping.signal);
      onValue?.(fetched.value);
      this.#good = { ...fetched, fetchedAt: clock.now() };
      this.#failures = 0;
      this.#lastError = undefined;
      this.#schedule((fetched.refreshAt ?? clock.now() + intervalMs) - clock.now());
      return fetched.value;
    } catch (error) {
      this.#failures += 1;
      this.#lastError = error;
      this.#schedule(
        Math.min(cooldownMs * 2 ** Math.min(this.#failures - 1, 20), Math.max(intervalMs, cooldownMs)),
      );
      if (!this.#stopping.signal.aborted) onError?.(error);
      throw error;
    }
  }

  #schedule(waitMs: number): void {
    const { clock, jitter = 0.1, random = Math.random, cooldownMs = 1000 } = this.#options;
    this.#cancelTimer?.();
    if (this.#stopping.signal.aborted) return;
    // Jitter only ever makes it earlier: a refresh that comes late is the one that hurts. Never sooner than the
    // cooldown, though, or a value that is born due would be fetched in a tight loop.
    const wait = Math.max(cooldownMs, waitMs) * (1 - jitter * random());
    this.#dueAt = clock.now() + wait;
    this.#cancelTimer = clock.after(wait, () => void this.refresh().catch(() => {}));
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}
