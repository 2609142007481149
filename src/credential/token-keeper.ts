import type { Clock } from "../kernel/clock.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import { Refreshing, type Fetched } from "../kernel/refreshing.ts";
import type { AccessToken } from "../model/token-source.ts";
import type { OutboundCredential, RequestToAuthenticate } from "./outbound-credential.ts";
import { createRenewalGate, unlessAborted } from "./renewal-gate.ts";
import { planToken, type TokenPlan } from "./token-plan.ts";

export interface TokenKeeperOptions {
  /** The credential's name in the configuration. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Fetches a token from its issuer. Throws when it cannot; no token at all is a failure too. `renew`: a backend refused
   * the last one, so the same again is of little use.
   */
  readonly fetchToken: (signal: AbortSignal, renew: boolean) => Promise<AccessToken | null | undefined>;
  /** Milliseconds for one fetch. Default 10,000. */
  readonly timeoutMs?: number;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/** A bearer token authenticates whatever the request is. */
export interface TokenKeeper extends OutboundCredential {
  headers(request?: RequestToAuthenticate, signal?: AbortSignal): Promise<readonly string[]>;
}

/** A token that came this short a time ago was good then: whoever refuses it has another reason. */
const justFetchedMs = 1000;

/** Visible ASCII: what a header may carry. Anything else would split or break the request that it authenticates. */
const headerSafe = /^[\x21-\x7e]+$/;

/**
 * One bearer token for every request of a credential: fetched once whoever asks, replaced in the background, used
 * while it is valid whatever the issuer does.
 */
export function createTokenKeeper(options: TokenKeeperOptions): TokenKeeper {
  const { name, clock, logger, fetchToken, timeoutMs = 10_000, random } = options;
  const gate = createRenewalGate(clock);
  let plan: TokenPlan | undefined;
  let newSince = 0;
  let failing = false;
  let renewNext = false;

  const fetch = async (signal: AbortSignal): Promise<Fetched<readonly string[]>> => {
    const renew = renewNext;
    renewNext = false;
    const token = await fetchToken(signal, renew);
    const next = planToken(checked(token, clock.now()), clock.now(), plan);
    if (next.token !== plan?.token) newSince = clock.now();
    else if (renew)
      logger.warn(
        { credential: name },
        "a backend refuses the token, and its issuer gives the same one again; does the identity lack its role at that backend?",
      );
    plan = next;
    return {
      value: Object.freeze(["authorization", `Bearer ${next.token}`]),
      expiresAt: next.unusableAt,
      refreshAt: next.refreshAt,
    };
  };

  const refreshing = new Refreshing<readonly string[]>({
    name: `credential ${name}`,
    clock,
    fetch,
    timeoutMs,
    // Only for failures: each token says itself when it wants to be replaced.
    intervalMs: 30_000,
    maxCooldownMs: 30_000,
    ...(random === undefined ? {} : { random }),
    onValue() {
      if (failing) logger.info({ credential: name }, "the credential works again");
      failing = false;
    },
    onError(error) {
      failing = true;
      const { expiresAt } = refreshing.state();
      const usable = refreshing.usable() !== undefined && expiresAt !== undefined;
      logger[usable ? "warn" : "error"](
        {
          credential: name,
          reason: describeFault(error),
          ...(usable ? { tokenUsableForSeconds: Math.floor((expiresAt - clock.now()) / 1000) } : {}),
        },
        usable
          ? "the credential could not be refreshed; the token at hand is still used"
          : "the credential is unavailable",
      );
    },
  });

  return {
    name,
    async headers(_request, signal) {
      try {
        const renewal = gate.underWay();
        if (renewal !== undefined) await unlessAborted(renewal, signal);
        return await refreshing.get(signal);
      } catch (error) {
        // The caller left: its own reason, not a fault of the credential.
        if (signal?.aborted === true) throw error;
        const waitMs = (refreshing.state().nextFetchAt ?? 0) - clock.now();
        throw new GatewayError("credential_unavailable", `credential ${name}: no token at hand`, {
          cause: error,
          retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
        });
      }
    },
    refused(headers) {
      const current = refreshing.usable();
      if (current === undefined || headers[1] !== current[1] || gate.underWay() !== undefined) return true;
      if (clock.now() - newSince < justFetchedMs || !gate.tryPass()) return false;
      logger.warn(
        { credential: name },
        "a backend refused the token at hand before its end; another is fetched",
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

function checked(token: AccessToken | null | undefined, now: number): AccessToken {
  if (typeof token?.token !== "string" || !headerSafe.test(token.token))
    throw new Error("the issuer's answer holds no usable token");
  if (!Number.isFinite(token.expiresOnTimestamp))
    throw new Error("the issuer's answer does not say when the token expires");
  if (token.expiresOnTimestamp <= now)
    throw new Error(
      `the issuer's token expired at ${new Date(token.expiresOnTimestamp).toISOString()}; is this machine's clock right?`,
    );
  return token;
}
