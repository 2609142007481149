import type { Clock } from "../kernel/clock.ts";
import type { ClientCertificateVerifier, Presented } from "../identity/client-certificate.ts";
import { principalOf } from "../identity/principal-of.ts";
import type { Principal } from "../model/principal.ts";
import { allow, type Allowed } from "../model/verdict.ts";
import type { MissingRevocation } from "../pki/path-failure.ts";
import type { PathDenied } from "../pki/verify-path.ts";
import type { ClientEntry, ClientMap } from "../policy/client-map.ts";

/** Who is on a connection, and what the configuration says of them. */
export interface Caller {
  readonly principal: Principal;
  readonly entry: ClientEntry;
  /** Epoch ms from which the proof must be made again. */
  readonly validUntil: number;
}

/** Who is calling; or why not, and then perhaps which revocation data was missing for it. */
export type CallerVerdict = Allowed<Caller> | PathDenied;

export interface CallerFacts {
  readonly clock: Clock;
  readonly verifier: ClientCertificateVerifier;
  readonly clients: () => ClientMap;
  /** Grows whenever trust anchors, revocation data or clients change. */
  readonly generation: () => number;
  /**
   * Fetches revocation data that a decision lacked, within a bounded time and for all who wait for the same.
   * Never throws. @returns true when there is something new, so that deciding again may help
   */
  readonly fetchMissing: (missing: readonly MissingRevocation[]) => Promise<boolean>;
}

/** Presented chain to verified path to principal: the first stages of the story. */
export function identifyCaller(presented: Presented, facts: CallerFacts): CallerVerdict {
  const path = facts.verifier.verify(presented);
  if (!path.allowed) return path;
  const match = facts.clients().match(path.value, facts.clock.now());
  const trace = [...path.trace, ...match.trace];
  if (!match.allowed) return { ...match, trace };
  return allow(
    {
      principal: principalOf(path.value, match.value.entry.name),
      entry: match.value.entry,
      validUntil: Math.min(path.value.validUntil, match.value.validUntil),
    },
    trace,
  );
}

/**
 * The caller of one connection. Deciding costs far more than a request, so the verdict is pinned here, and made
 * again as soon as a fact that it rests on has changed or run out. It is never a bare yes.
 */
export class ConnectionCaller {
  readonly #presented: Presented;
  readonly #facts: CallerFacts;
  #verdict: CallerVerdict | undefined;
  #generation = -1;
  #decidedAt = 0;
  #turnedAway = false;
  #fetches = 0;

  constructor(presented: Presented, facts: CallerFacts) {
    this.#presented = presented;
    this.#facts = facts;
  }

  /**
   * The caller was refused, and the connection is closing: what else was pipelined on it is neither decided nor
   * answered, so that a stranger cannot make one handshake pay for thousands of decisions.
   */
  get turnedAway(): boolean {
    return this.#turnedAway;
  }

  /** What a decision lacked is being fetched, within a bounded time: a denial for lack of it is not the last word. */
  get isFetching(): boolean {
    return this.#fetches > 0;
  }

  /** As `identify`, but what was missing for the decision is fetched first, where it can be. */
  async identifyOrFetch(): Promise<CallerVerdict> {
    const verdict = this.identify();
    if (verdict.allowed || verdict.missing === undefined) return verdict;
    this.#fetches += 1;
    try {
      return (await this.#facts.fetchMissing(verdict.missing)) ? this.identify() : verdict;
    } finally {
      this.#fetches -= 1;
    }
  }

  identify(): CallerVerdict {
    const now = this.#facts.clock.now();
    const generation = this.#facts.generation();
    const pinned = this.#verdict;
    if (
      pinned?.allowed &&
      this.#generation === generation &&
      this.#decidedAt <= now &&
      now < pinned.value.validUntil
    )
      return pinned;
    // The generation is read before the decision: a change during it makes the next request decide again.
    const verdict = identifyCaller(this.#presented, this.#facts);
    this.#verdict = verdict;
    this.#generation = generation;
    this.#decidedAt = now;
    this.#turnedAway = !verdict.allowed && verdict.missing === undefined;
    return verdict;
  }
}
