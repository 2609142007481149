import { filtered } from "../kernel/filtered.ts";
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

/** What is picked from: whatever stands for a member. */
export interface Candidate {
  readonly member: PoolMember;
}

export interface Picked<C extends Candidate> {
  readonly place: C;
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
  pick<C extends Candidate>(allowed: readonly C[], tried: readonly PoolMember[]): Picked<C> | undefined {
    const usable = filtered(
      allowed,
      ({ member }) => !tried.includes(member) && isUsable(member.upstream, allowed.length === 1),
    );
    const place = usable.length < 2 ? usable[0] : this.#selected(usable);
    return place === undefined ? undefined : { place, lease: place.member.upstream.begin() };
  }

  #selected<C extends Candidate>(usable: readonly C[]): C | undefined {
    const selectable = usable.map((place) => {
      const { upstream, priority, weight } = place.member;
      return { place, priority, weight, share: upstream.breaker.share, outstanding: upstream.outstanding };
    });
    return selectMember(selectable, this.#selection, this.#random)?.place;
  }

  /** What to tell who could not be served by any of them. */
  nothingLeft(allowed: readonly Candidate[]): NothingLeft {
    const waits = allowed.map(({ member }) => member.upstream.breaker.waitMs);
    const seconds = Math.ceil(Math.min(...waits) / 1000);
    return {
      retryAfterSeconds: Number.isFinite(seconds) ? Math.max(1, seconds) : 1,
      throttled:
        allowed.length > 0 &&
        allowed.every(({ member: { upstream } }) => {
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
