import type { UpstreamState } from "../model/upstream-state.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { type Selection, selectMember } from "./select-member.ts";
import type { Lease, Upstream } from "./upstream.ts";

/** One place where a deployment lives. */
export interface PoolMember {
  readonly upstream: Upstream;
  readonly priority: number;
  readonly weight: number;
}

export interface PoolOptions {
  readonly members: readonly PoolMember[];
  readonly selection: Selection;
  readonly budget: RetryBudget;
  /** Most attempts for one request, the first among them. */
  readonly attempts: number;
  /** After a request's arrival, from when no further attempt begins. */
  readonly retryWithinMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface Picked {
  readonly member: PoolMember;
  readonly lease: Lease;
}

/** Nothing can be sent anywhere now. */
export interface NothingLeft {
  /** The smallest number of seconds, at least 1, after which one of them may take a request. */
  readonly retryAfterSeconds: number;
  /** All of them have as much to do as they may: none failed. */
  readonly throttled: boolean;
}

/** The backends of one deployment. */
export class BackendPool {
  readonly members: readonly PoolMember[];
  readonly budget: RetryBudget;
  readonly attempts: number;
  readonly retryWithinMs: number;
  readonly #selection: Selection;
  readonly #random: () => number;

  constructor({ members, selection, budget, attempts, retryWithinMs, random }: PoolOptions) {
    this.members = members;
    this.budget = budget;
    this.attempts = attempts;
    this.retryWithinMs = retryWithinMs;
    this.#selection = selection;
    this.#random = random;
  }

  /**
   * Begins an attempt at one of the members that are allowed, were not tried yet, and are well.
   * @param allowed those where this request may go: a request about a stored object may go to its backend only
   */
  pick(allowed: readonly PoolMember[], tried: ReadonlySet<PoolMember>): Picked | undefined {
    const usable = allowed
      .filter((member) => !tried.has(member) && isUsable(member.upstream, allowed.length === 1))
      .map((member) => ({
        member,
        priority: member.priority,
        weight: member.weight,
        share: member.upstream.breaker.share,
        outstanding: member.upstream.outstanding,
      }));
    const selected = selectMember(usable, this.#selection, this.#random);
    return selected === undefined
      ? undefined
      : { member: selected.member, lease: selected.member.upstream.begin() };
  }

  /** What to tell who could not be served by any of them. */
  nothingLeft(allowed: readonly PoolMember[]): NothingLeft {
    const waits = allowed.map(({ upstream }) => upstream.breaker.waitMs);
    const seconds = Math.ceil(Math.min(...waits) / 1000);
    return {
      retryAfterSeconds: Number.isFinite(seconds) ? Math.max(1, seconds) : 1,
      throttled:
        allowed.length > 0 &&
        allowed.every(({ upstream }) => {
          const { reason, seen } = upstream.breaker.state();
          // As many requests under way as it may have is a limit like its own.
          if (reason === undefined) return upstream.isFull;
          return reason !== "failing" && seen !== "503";
        }),
    };
  }

  /** In the order in which they would be tried, groups first. */
  states(): readonly (UpstreamState & Pick<PoolMember, "priority" | "weight">)[] {
    return this.members
      .toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)
      .map(({ upstream, priority, weight }) => ({ ...upstream.state(), priority, weight }));
  }
}

/**
 * @param isOnly it is the only place where the request may go. A limit that it reached is then its own to tell: a
 * smaller request may still fit, and holding it back here would help nobody
 */
function isUsable({ breaker, isFull }: Upstream, isOnly: boolean): boolean {
  if (isFull) return false;
  if (breaker.admits) return true;
  return isOnly && breaker.state().reason !== "failing";
}
