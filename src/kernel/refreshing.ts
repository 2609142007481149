import type { Cancel, Clock } from "./clock.ts";
import { Deadline, whenPassed } from "./deadline.ts";
import { GatewayError } from "./errors.ts";

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
  /** Epoch ms of the next planned fetch: after a failure, the end of the cooldown. Absent before the first fetch ends. */
  readonly nextFetchAt?: number;
  /** The last failure, while it is newer than the last success. */
  readonly lastError?: unknown;
}

export interface RefreshingOptions<T> {
  /** For logs, readiness and metrics, e.g. `trust anchor root-ca`. */
  readonly name: string;
  readonly clock: Clock;
  /** Fetches a value. The signal aborts when the owner stops or the time is over. Throws when it cannot. */
  readonly fetch: (signal: AbortSignal) => Promise<Fetched<T>>;
  /** Milliseconds for one fetch; it counts as failed then even if it never heeds the signal. Default: no bound. */
  readonly timeoutMs?: number;
  /** Milliseconds from one good fetch to the next when the value itself does not say. */
  readonly intervalMs: number;
  /** Share of the wait that is varied at random, so that replicas do not call in step. Default 0.1. */
  readonly jitter?: number;
  /** First wait after a failure; it doubles with each further one. Default 1000 ms. */
  readonly cooldownMs?: number;
  /** Longest wait after a failure, even where the failure itself asks for more. Default: `intervalMs`. */
  readonly maxCooldownMs?: number;
  /** Milliseconds after the last good fetch for which its value may still be used. Default: no bound. */
  readonly maxStaleMs?: number;
  /** Called after each fetch that worked, when `usable` and `state` show its value already. */
  readonly onValue?: (value: T) => void;
  /** Called after each fetch that failed, and with what `onValue` threw: the value is kept then. Must not throw. */
  readonly onError?: (error: unknown) => void;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/**
 * The one mechanism for everything that is fetched and kept: last good value, single flight, refresh ahead with
 * jitter, backoff after failures, a hard end. A refresh never makes a caller wait while a usable value is at hand.
 * Each of its times comes by the wall clock or by the monotonic one, whichever is first: a clock that is set back
 * prolongs nothing, and a machine that slept finds everything due.
 */
export class Refreshing<T> {
  readonly name: string;
  readonly #options: RefreshingOptions<T>;
  readonly #stopping = new AbortController();
  #good: { readonly value: T; readonly fetchedAt: number; readonly end: Deadline } | undefined;
  #flight: Promise<T> | undefined;
  #cancelTimer: Cancel | undefined;
  #due: Deadline | undefined;
  #failures = 0;
  #lastError: unknown;

  constructor(options: RefreshingOptions<T>) {
    this.name = options.name;
    this.#options = options;
  }

  /** The value if it may be used now, else undefined. Never waits, never fetches. */
  usable(): T | undefined {
    const good = this.#good;
    return good === undefined || good.end.passed ? undefined : good.value;
  }

  /** The usable value, as `get` gives it at once; undefined where `get` would wait or throw. */
  atHand(): T | undefined {
    const usable = this.usable();
    // Timers do not fire while a machine sleeps: an overdue refresh is started here, and not waited for.
    if (usable !== undefined && this.#due?.passed === true) void this.refresh().catch(() => {});
    return usable;
  }

  /**
   * The usable value, or the outcome of a fetch. Fails fast with the last error during the cooldown after a
   * failure, so an outage causes no stampede.
   * @throws what the fetch threw, or the signal's reason: an abort ends this caller's wait, not the fetch.
   */
  async get(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const atHand = this.atHand();
    if (atHand !== undefined) return atHand;
    if (this.#flight === undefined && this.#failures > 0 && this.#due?.passed === false)
      throw this.#lastError;
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
    const good = this.#good;
    const due = this.#due;
    const error = this.#failures > 0 ? { lastError: this.#lastError } : {};
    const next = due === undefined ? {} : { nextFetchAt: due.at };
    if (good === undefined) return { name: this.name, freshness: "empty", ...next, ...error };
    const overdue = due !== undefined && due.leftMs <= -60_000;
    const freshness = good.end.passed ? "expired" : this.#failures > 0 || overdue ? "stale" : "fresh";
    const end = good.end.at;
    return {
      name: this.name,
      freshness,
      fetchedAt: good.fetchedAt,
      ...(Number.isFinite(end) ? { expiresAt: end } : {}),
      ...next,
      ...error,
    };
  }

  /** Ends timers and any fetch under way. The last value stays readable. */
  stop(): void {
    this.#cancelTimer?.();
    this.#stopping.abort(new Error(`${this.name}: stopped`));
  }

  async #fetchOnce(): Promise<T> {
    const { clock, onValue, onError, intervalMs } = this.#options;
    const stopped = this.#stopping.signal;
    stopped.throwIfAborted();
    let fetched: Fetched<T>;
    try {
      fetched = await this.#fetchInTime();
      if (fetched.expiresAt !== undefined && fetched.expiresAt <= clock.now())
        throw new Error(`${this.name}: what was fetched has expired already`);
    } catch (error) {
      // The owner's own stop says nothing about the source.
      if (stopped.aborted) throw error;
      this.#failures += 1;
      this.#lastError = error;
      this.#planNextFetch(this.#cooldownAfter(error));
      onError?.(error);
      throw error;
    }
    const { value, expiresAt = Number.POSITIVE_INFINITY } = fetched;
    const fetchedAt = clock.now();
    const staleAt = fetchedAt + (this.#options.maxStaleMs ?? Number.POSITIVE_INFINITY);
    this.#good = { value, fetchedAt, end: new Deadline(clock, Math.min(expiresAt, staleAt)) };
    this.#failures = 0;
    this.#lastError = undefined;
    // Never sooner than the cooldown, or a value that is born due would be fetched in a tight loop.
    const wait = (fetched.refreshAt ?? clock.now() + intervalMs) - clock.now();
    this.#planNextFetch(Math.max(wait * this.#jitterFactor(), this.#cooldownMs));
    try {
      onValue?.(fetched.value);
    } catch (error) {
      onError?.(error);
    }
    return fetched.value;
  }

  /** The fetch, ended by the owner's stop or by the time limit whether or not it heeds its signal. */
  async #fetchInTime(): Promise<Fetched<T>> {
    const { clock, fetch, timeoutMs } = this.#options;
    const stopped = this.#stopping.signal;
    const ending = new AbortController();
    const onStop = () => ending.abort(stopped.reason);
    stopped.addEventListener("abort", onStop, { once: true });
    const cancelTimeout =
      timeoutMs === undefined
        ? undefined
        : clock.after(timeoutMs, () =>
            ending.abort(new Error(`${this.name}: no answer within ${timeoutMs} ms`)),
          );
    try {
      return await abortable(fetch(ending.signal), ending.signal);
    } catch (error) {
      // A fetch that heeds its signal throws an opaque AbortError; the reason says why.
      throw ending.signal.aborted ? ending.signal.reason : error;
    } finally {
      cancelTimeout?.();
      stopped.removeEventListener("abort", onStop);
    }
  }

  get #cooldownMs(): number {
    return this.#options.cooldownMs ?? 1000;
  }

  #cooldownAfter(error: unknown): number {
    const { intervalMs, maxCooldownMs = Math.max(intervalMs, this.#cooldownMs) } = this.#options;
    const backoff = this.#cooldownMs * 2 ** Math.min(this.#failures - 1, 20);
    const asked = error instanceof GatewayError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    // A source that names a time is not asked before it; only what exceeds it is varied.
    return Math.min(Math.max(backoff * this.#jitterFactor(), asked), maxCooldownMs);
  }

  /** Jitter only ever makes it earlier: a refresh that comes late is the one that hurts. */
  #jitterFactor(): number {
    const { jitter = 0.1, random = Math.random } = this.#options;
    return 1 - jitter * random();
  }

  #planNextFetch(wait: number): void {
    const { clock } = this.#options;
    this.#cancelTimer?.();
    if (this.#stopping.signal.aborted) return;
    this.#due = new Deadline(clock, clock.now() + wait);
    this.#cancelTimer = whenPassed(clock, this.#due, () => void this.refresh().catch(() => {}));
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}
