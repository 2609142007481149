import type { AnswerSink } from "../forward/forwarder.ts";
import {
  type AnswerWatcher,
  type Expected,
  type SeenObject,
  type Sighting,
  watchAnswer,
} from "../ownership/ids-in-answer.ts";

/** What a sink that holds an answer back may do to the relay behind it. */
export interface AnswerFlow {
  /** The backend may send again. */
  resume(): void;
  /** Nothing of the answer was given to the client, and nothing will be: the fault is answered in its place. */
  withhold(fault: unknown): void;
  /** The client left, or the answer is complete. */
  over(): boolean;
}

/** Puts itself between the backend's answer and the client's. */
export type AnswerFilter = (inner: AnswerSink, flow: AnswerFlow) => AnswerSink;

export interface AnswerClaims {
  readonly expected: Expected;
  /** Makes the objects the caller's. When it rejects, the answer is withheld. */
  readonly claim: (objects: readonly SeenObject[]) => Promise<void>;
  /** Hears why what a good answer created stays nobody's. */
  readonly unclaimed: (why: string) => void;
}

/**
 * Holds a good answer back, head and all, until the ids in it are claimed: a client must not learn an id that could
 * still turn out to be another's, and must find its own object with its very next request.
 */
export const claimingAnswer =
  (claims: AnswerClaims): AnswerFilter =>
  (inner, flow) =>
    new ClaimingSink(claims, inner, flow);

class ClaimingSink implements AnswerSink {
  readonly #claims: AnswerClaims;
  readonly #inner: AnswerSink;
  readonly #flow: AnswerFlow;
  #state: "watching" | "claiming" | "passing" | "failed" = "watching";
  #watcher: AnswerWatcher | undefined;
  #head: Parameters<AnswerSink["head"]> | undefined;
  readonly #held: Uint8Array[] = [];
  #hasRoom = true;
  #ended = false;

  constructor(claims: AnswerClaims, inner: AnswerSink, flow: AnswerFlow) {
    this.#claims = claims;
    this.#inner = inner;
    this.#flow = flow;
  }

  head(status: number, headers: readonly string[]): void {
    this.#head = [status, headers];
    if (status < 200 || status > 299) return this.#release();
    if (valueOf(headers, "content-encoding") !== undefined)
      return this.#settle({ state: "unseen", why: "the answer is encoded" });
    this.#watcher = watchAnswer(this.#claims.expected, valueOf(headers, "content-type"));
  }

  data(chunk: Uint8Array): boolean {
    if (this.#state === "passing") return this.#inner.data(chunk);
    this.#held.push(chunk);
    if (this.#state === "watching" && this.#watcher !== undefined) this.#settle(this.#watcher.push(chunk));
    return this.#hasRoom;
  }

  end(): void {
    if (this.#state === "passing") return this.#inner.end();
    this.#ended = true;
    if (this.#state === "watching" && this.#watcher !== undefined) this.#settle(this.#watcher.end());
  }

  error(fault: Error): void {
    this.#state = "failed";
    this.#inner.error(fault);
  }

  #settle(sighting: Sighting): void {
    if (sighting.state === "watching") return;
    if (sighting.state === "unseen") this.#claims.unclaimed(sighting.why);
    if (sighting.state === "unseen" || sighting.objects.length === 0) return this.#release();
    this.#state = "claiming";
    this.#hasRoom = false;
    void this.#claim(sighting.objects);
  }

  async #claim(objects: readonly SeenObject[]): Promise<void> {
    try {
      await this.#claims.claim(objects);
    } catch (fault) {
      if (this.#state !== "claiming") return;
      this.#state = "failed";
      return this.#flow.withhold(fault);
    }
    if (this.#state !== "claiming" || this.#flow.over()) return;
    this.#release();
    if (this.#hasRoom && !this.#ended) this.#flow.resume();
  }

  #release(): void {
    this.#state = "passing";
    this.#hasRoom = true;
    if (this.#head !== undefined) this.#inner.head(...this.#head);
    for (const chunk of this.#held.splice(0)) this.#hasRoom = this.#inner.data(chunk);
    if (this.#ended) this.#inner.end();
  }
}

/** @param headers flat raw pairs */
function valueOf(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2)
    if ((headers[at] as string).toLowerCase() === name) return headers[at + 1];
  return undefined;
}
