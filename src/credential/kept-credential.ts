import type { Clock } from "../kernel/clock.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import { Refreshing, type Fetched, type RefreshingState } from "../kernel/refreshing.ts";
import { createRenewalGate, unlessAborted } from "./renewal-gate.ts";

export interface KeptCredentialOptions<T> {
  /** The credential's name in the configuration. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** @param renew a backend refused the last value, so the same again is of little use */
  readonly fetch: (signal: AbortSignal, renew: boolean) => Promise<Fetched<T>>;
  /** Tells one value from the next. It may be the secret itself: it is compared, and never written down. */
  readonly idOf: (value: T) => string;
  /** Milliseconds for which a new value is good beyond doubt: whoever refuses it has another reason. Default 0. */
  readonly provenMs?: number;
  /** Milliseconds for one fetch. Default 10,000. */
  readonly timeoutMs?: number;
  /** Milliseconds from one fetch to the next where the value itself does not say. Default 60,000. */
  readonly intervalMs?: number;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/** What a credential proves itself with, for every request: fetched once whoever asks, replaced in the background. */
export interface KeptCredential<T> {
  /** @throws GatewayError `credential_unavailable`, or the signal's reason */
  get(signal?: AbortSignal): Promise<T>;
  /** What `get` gives at once; undefined where it would wait or throw. */
  atHand(): T | undefined;
  /**
   * A backend refused the value of this id. Fetches another one, but not for each such request: the source may well give
   * the same again.
   * @returns true when `get` gives another value, or waits for one
   */
  refused(id: string): boolean;
  state(): RefreshingState;
  start(): void;
  stop(): void;
}

export function keepCredential<T>(options: KeptCredentialOptions<T>): KeptCredential<T> {
  const {
    name,
    clock,
    logger,
    fetch,
    idOf,
    timeoutMs = 10_000,
    intervalMs = 60_000,
    provenMs = 0,
    random,
  } = options;
  const gate = createRenewalGate(clock);
  let failing = false;
  let renewNext = false;
  let last: { readonly id: string; readonly since: number } | undefined;

  const fetchOnce = async (signal: AbortSignal): Promise<Fetched<T>> => {
    const renew = renewNext;
    renewNext = false;
    const fetched = await fetch(signal, renew);
    const id = idOf(fetched.value);
    if (id !== last?.id) last = { id, since: clock.monotonic() };
    else if (renew)
      logger.warn(
        { credential: name },
        "a backend refuses the credential, and its source gives the same again; does the identity lack its role at that backend?",
      );
    return fetched;
  };

  const refreshing = new Refreshing<T>({
    name: `credential ${name}`,
    clock,
    fetch: fetchOnce,
    timeoutMs,
    intervalMs,
    maxCooldownMs: 30_000,
    ...(random === undefined ? {} : { random }),
    onValue() {
      if (failing) logger.info({ credential: name }, "the credential works again");
      failing = false;
    },
    onError(error) {
      failing = true;
      const usable = refreshing.usable() !== undefined;
      const { expiresAt } = refreshing.state();
      logger[usable ? "warn" : "error"](
        {
          credential: name,
          reason: describeFault(error),
          ...(usable && expiresAt !== undefined
            ? { usableForSeconds: Math.floor((expiresAt - clock.now()) / 1000) }
            : {}),
        },
        usable
          ? "the credential could not be refreshed; what is at hand is still used"
          : "the credential is unavailable",
      );
    },
  });

  return {
    async get(signal) {
      try {
        const renewal = gate.underWay();
        if (renewal !== undefined) await unlessAborted(renewal, signal);
        return await refreshing.get(signal);
      } catch (error) {
        // The caller left: its own reason, not a fault of the credential.
        if (signal?.aborted === true) throw error;
        const waitMs = (refreshing.state().nextFetchAt ?? 0) - clock.now();
        throw new GatewayError("credential_unavailable", `credential ${name}: nothing usable at hand`, {
          cause: error,
          retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
        });
      }
    },
    atHand: () => (gate.underWay() === undefined ? refreshing.atHand() : undefined),
    refused(id) {
      const usable = refreshing.usable();
      if (usable === undefined || idOf(usable) !== id || gate.underWay() !== undefined) return true;
      if (last !== undefined && clock.monotonic() - last.since < provenMs) return false;
      if (!gate.tryPass()) return false;
      logger.warn(
        { credential: name },
        "a backend refused the credential before its end; another is fetched",
      );
      renewNext = true;
      // What is at hand stays there: if no other comes, it may still serve other backends.
      gate.renew(() => refreshing.refresh());
      return true;
    },
    state: () => refreshing.state(),
    start() {
      // Its failure is logged, shown in the state and retried; nobody waits here.
      refreshing.refresh().catch(() => {});
    },
    stop: () => refreshing.stop(),
  };
}
