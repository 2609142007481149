import type { Clock } from "../kernel/clock.ts";
import { describeFault } from "../kernel/errors.ts";
import { redactText } from "../kernel/redact.ts";
import type { RefreshingState } from "../kernel/refreshing.ts";

/** One thing that must be at hand before requests can be served. */
export interface ReadinessItem {
  /** What it is, e.g. `trust anchor root-ca`, `credential azure`. */
  readonly name: string;
  readonly ok: boolean;
  /** Why not; or, while it is ok, what an operator should look at. Absent when all is well. */
  readonly detail?: string;
  /** Seconds since it was last fetched, whole. */
  readonly ageSeconds?: number;
  /** Seconds until it may not be used any more, whole; negative afterwards. */
  readonly expiresInSeconds?: number;
}

const wholeSeconds = (ms: number): number => Math.floor(ms / 1000);

/**
 * The item for something that is fetched and kept. A stale value counts as ready, with its reason: requests are
 * still decided and served correctly with the last good value, and a replica taken out of rotation would only turn
 * a dead identity endpoint into an outage. Empty and expired are not ready: there, requests fail.
 */
export function readinessOf(state: RefreshingState, clock: Clock): ReadinessItem {
  const now = clock.now();
  const ok = state.freshness === "fresh" || state.freshness === "stale";
  const detail = detailOf(state);
  return {
    name: state.name,
    ok,
    ...(detail === undefined ? {} : { detail }),
    ...(state.fetchedAt === undefined ? {} : { ageSeconds: wholeSeconds(now - state.fetchedAt) }),
    ...(state.expiresAt === undefined ? {} : { expiresInSeconds: wholeSeconds(state.expiresAt - now) }),
  };
}

function detailOf({ freshness, lastError }: RefreshingState): string | undefined {
  const because = lastError === undefined ? "" : `: ${redactText(describeFault(lastError))}`;
  switch (freshness) {
    case "fresh":
      return undefined;
    case "empty":
      return because === "" ? "not fetched yet" : `never fetched${because}`;
    case "stale":
      return because === ""
        ? "the refresh is overdue"
        : `the refresh fails, the last value is used${because}`;
    case "expired":
      return `the last value may not be used any more${because}`;
  }
}
