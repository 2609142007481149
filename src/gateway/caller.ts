import { hash } from "node:crypto";
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
 * What is decided about one presented chain. Deciding costs far more than a request, so the verdict is pinned here, and
 * made again as soon as a fact that it rests on has changed or run out. It is never a bare yes.
 */
export class CallerDecision {
  readonly #presented: Presented;
  readonly #facts: CallerFacts;
  readonly #allowed: (() => void) | undefined;
  #thumbprint: string | undefined;
  #verdict: CallerVerdict | undefined;
  #generation = -1;
  #decidedAt = 0;

  /** @param allowed called at each verdict that lets the caller in */
  constructor(presented: Presented, facts: CallerFacts, allowed?: () => void) {
    this.#presented = presented;
    this.#facts = facts;
    this.#allowed = allowed;
  }

  /** SHA-256 of the leaf; undefined where no certificate was presented. */
  get thumbprint(): string | undefined {
    const leaf = this.#presented.chain?.leaf;
    return (this.#thumbprint ??= leaf === undefined ? undefined : thumbprintOf(leaf));
  }

  get fetchMissing(): CallerFacts["fetchMissing"] {
    return this.#facts.fetchMissing;
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
    if (verdict.allowed) this.#allowed?.();
    return verdict;
  }
}

/** SHA-256 of a certificate, as connections are told apart by. */
export const thumbprintOf = (der: Uint8Array): string => hash("sha256", der, "base64");

/** The caller of one connection. */
export class ConnectionCaller {
  #decision: CallerDecision;
  #anew: (() => CallerDecision | undefined) | undefined;
  #turnedAway = false;
  #fetches = 0;

  /**
   * @param decision may have been made for another connection, of the same certificate
   * @param anew then reads what was presented on this one; undefined once it has ended
   */
  constructor(decision: CallerDecision, anew?: () => CallerDecision | undefined) {
    this.#decision = decision;
    this.#anew = anew;
  }

  /** SHA-256 of the leaf; undefined where no certificate was presented. */
  get thumbprint(): string | undefined {
    return this.#decision.thumbprint;
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
  identifyOrFetch(): CallerVerdict | Promise<CallerVerdict> {
    const verdict = this.identify();
    return verdict.allowed || verdict.missing === undefined
      ? verdict
      : this.#fetchFor(verdict, verdict.missing);
  }

  async #fetchFor(verdict: PathDenied, missing: readonly MissingRevocation[]): Promise<CallerVerdict> {
    this.#fetches += 1;
    try {
      return (await this.#decision.fetchMissing(missing)) ? this.identify() : verdict;
    } finally {
      this.#fetches -= 1;
    }
  }

  identify(): CallerVerdict {
    let verdict = this.#decision.identify();
    if (!verdict.allowed && this.#anew !== undefined) {
      // A yes may rest on issuers that another connection presented; a no rests on what came with this one.
      const anew = this.#anew();
      this.#anew = undefined;
      if (anew !== undefined) verdict = (this.#decision = anew).identify();
    }
    this.#turnedAway = !verdict.allowed && verdict.missing === undefined;
    return verdict;
  }
}
