import type { AccessToken } from "../model/token-source.ts";

/** How long a token is used, and when it is replaced. */
export interface TokenPlan {
  readonly token: string;
  /** Epoch ms: its expiry less a margin for the way to the backend and for clocks that differ. */
  readonly unusableAt: number;
  /** Epoch ms: when to ask for the next one. */
  readonly refreshAt: number;
}

const second = 1000;
const minute = 60 * second;

/**
 * @param before the plan in force, which tells an old token that came again from a new one
 */
export function planToken(token: AccessToken, now: number, before: TokenPlan | undefined): TokenPlan {
  const { expiresOnTimestamp: expiry, refreshAfterTimestamp: wanted } = token;
  const left = expiry - now;
  if (before?.token === token.token) {
    // Issuers and SDKs hand out one token for a long time: until five minutes before its end, or once more while
    // they fetch the next. Asking again costs little, but not every second.
    const again = Math.min(Math.max(left / 6, 10 * second), 5 * minute);
    return { ...before, refreshAt: now + again };
  }
  const usual = Math.min(now + (left * 2) / 3, Math.max(expiry - 5 * minute, now + left / 2));
  const asked = wanted !== undefined && wanted > now && wanted < expiry ? wanted : usual;
  return {
    token: token.token,
    unusableAt: expiry - Math.min(minute, left / 10),
    refreshAt: asked,
  };
}
