import type { Presented } from "../identity/client-certificate.ts";
import { CallerDecision, type CallerFacts, ConnectionCaller } from "./caller.ts";

/** About 4 KB each, where clients send what they should. */
const mostKnown = 10_000;
/** Bytes of a chain that may be remembered: many times what an honest one has. Others are read on each connection. */
const longestChain = 16 * 1024;

/**
 * Certificates that were let in, and whose chain the TLS library accepted. A device that connects again is spared what
 * was done for it before: its chain is read, held in memory and decided about once, not once a connection. Nothing rests
 * on having been here: each request asks the decision, which is made again when a fact changed; and a denial is never
 * given on a chain that another connection presented.
 */
export class KnownCallers {
  readonly #facts: CallerFacts;
  readonly #most: number;
  readonly #known = new Map<string, CallerDecision>();

  /** @param most that are kept; the oldest goes first */
  constructor(facts: CallerFacts, most: number = mostKnown) {
    this.#facts = facts;
    this.#most = most;
  }

  /**
   * @param thumbprint SHA-256 of the leaf where the TLS library accepts the chain that was presented now: only then a
   * remembered one may stand for it
   * @param capture reads what was presented; undefined when the connection has ended
   */
  callerOf(thumbprint: string | undefined, capture: () => Presented | undefined): ConnectionCaller {
    const known = thumbprint === undefined ? undefined : this.#known.get(thumbprint);
    if (known === undefined) return new ConnectionCaller(this.#decisionOn(capture() ?? nothing, thumbprint));
    return new ConnectionCaller(known, () => {
      // Judged twice on this connection, and not on the next; what is let in now is remembered in its place.
      if (thumbprint !== undefined && this.#known.get(thumbprint) === known) this.#known.delete(thumbprint);
      const presented = capture();
      return presented === undefined ? undefined : this.#decisionOn(presented, thumbprint);
    });
  }

  #decisionOn(presented: Presented, thumbprint: string | undefined): CallerDecision {
    const decision: CallerDecision = new CallerDecision(presented, this.#facts, () => {
      // Whose chain it is was told before it was read: the two must be the same certificate's.
      if (
        thumbprint !== undefined &&
        thumbprint === decision.thumbprint &&
        bytesOf(presented) <= longestChain
      )
        this.#keep(thumbprint, decision);
    });
    return decision;
  }

  #keep(thumbprint: string, decision: CallerDecision): void {
    const isNew = !this.#known.has(thumbprint);
    if (isNew && this.#known.size >= this.#most)
      this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(thumbprint, decision);
  }
}

/** Fails closed: a connection that cannot be looked at has no certificate. */
const nothing: Presented = { chain: undefined, tls: { authorized: false } };

const bytesOf = ({ chain }: Presented): number =>
  chain === undefined ? 0 : chain.others.reduce((sum, { length }) => sum + length, chain.leaf.length);
