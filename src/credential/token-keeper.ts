import type { Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/logger.ts";
import type { AccessToken } from "../model/token-source.ts";
import { keepCredential } from "./kept-credential.ts";
import type { OutboundCredential, RequestToAuthenticate } from "./outbound-credential.ts";
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

/** Visible ASCII: what a header may carry. Anything else would split or break the request that it authenticates. */
const headerSafe = /^[\x21-\x7e]+$/;

/**
 * One bearer token for every request of a credential: fetched once whoever asks, replaced in the background, used
 * while it is valid whatever the issuer does.
 */
export function createTokenKeeper(options: TokenKeeperOptions): TokenKeeper {
  const { name, clock, fetchToken } = options;
  let plan: TokenPlan | undefined;
  const kept = keepCredential<readonly string[]>({
    ...options,
    // Only for failures: each token says itself when it wants to be replaced.
    intervalMs: 30_000,
    idOf: tokenIn,
    provenMs: 1000,
    async fetch(signal, renew) {
      const token = await fetchToken(signal, renew);
      plan = planToken(checked(token, clock.now()), clock.now(), plan);
      return {
        value: Object.freeze(["authorization", `Bearer ${plan.token}`]),
        expiresAt: plan.unusableAt,
        refreshAt: plan.refreshAt,
      };
    },
  });
  return {
    name,
    headers: (_request, signal) => kept.get(signal),
    atHand: () => kept.atHand(),
    refused: (headers) => kept.refused(tokenIn(headers)),
    state: () => kept.state(),
    start: () => kept.start(),
    stop: () => kept.stop(),
  };
}

const tokenIn = (headers: readonly string[]): string => headers[1] ?? "";

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
