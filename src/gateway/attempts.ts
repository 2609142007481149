import { type AttemptOutcome, isFailingStatus } from "../backend/attempt-outcome.ts";
import type { Picked, PoolMember } from "../backend/pool.ts";
import { mayTryAgain, type RepeatableRequest } from "../backend/retry-rules.ts";
import { refusesAwsKeys } from "../credential/aws-refusal.ts";
import { BackendFault } from "../forward/backend-fault.ts";
import { GatewayError } from "../kernel/errors.ts";
import type { ExchangeDraft } from "./exchange-draft.ts";
import type { Gateway, Place, ReadyPool } from "./gateway.ts";
import type { HeadVerdict } from "./head-gate.ts";

/** What is tried at one place after the other. */
export interface Triable extends RepeatableRequest {
  readonly draft: ExchangeDraft;
  /** The client was sent something, so nothing can be tried again. */
  readonly isAnswered: () => boolean;
  readonly isCallerGone: () => boolean;
}

/** One attempt, at the place that was picked for it. */
export interface Attempt {
  readonly place: Place;
  /**
   * The head of the backend's answer has come: is it passed on?
   * @param headers flat raw pairs
   * @param credential the headers by which the request was authenticated
   */
  readonly judge: (status: number, headers: readonly string[], credential: readonly string[]) => HeadVerdict;
}

/**
 * Tries one place after the other, until one of them gives an answer that is worth passing on, or nothing is left that
 * may be tried: another attempt only where it can do no harm, before the client was sent a byte, within the number, the
 * time and the budget of the deployment.
 * @param attempt returns `again` after a head that `judge` did not let pass
 * @throws GatewayError `no_healthy_backend`, `backends_throttled`, or the fault of the last attempt; CallerLeft
 */
export function tryPlaces<T>(
  gateway: Pick<Gateway, "clock">,
  ready: ReadyPool,
  triable: Triable,
  attempt: (attempt: Attempt) => Promise<T | "again">,
): Promise<T> {
  return new Attempts(gateway, ready, triable, attempt).run();
}

class Attempts<T> {
  readonly #clock: Gateway["clock"];
  readonly #ready: ReadyPool;
  readonly #triable: Triable;
  readonly #attemptAt: (attempt: Attempt) => Promise<T | "again">;
  readonly #tried: PoolMember[] = [];
  #count = 0;
  /** The next attempt, as soon as the one before it is given up. */
  #next: Picked<Place> | undefined;
  #isRetry = false;
  #renewed = false;

  constructor(
    { clock }: Pick<Gateway, "clock">,
    ready: ReadyPool,
    triable: Triable,
    attempt: (attempt: Attempt) => Promise<T | "again">,
  ) {
    this.#clock = clock;
    this.#ready = ready;
    this.#triable = triable;
    this.#attemptAt = attempt;
  }

  async run(): Promise<T> {
    this.#ready.pool.budget.deposit();
    this.#next = this.#pick();
    if (this.#next === undefined) throw this.#nothingLeft();
    try {
      for (;;) {
        const picked: Picked<Place> = this.#next;
        this.#next = undefined;
        try {
          const answered = await this.#attemptAt(this.#begun(picked));
          if (answered !== "again") return answered;
        } catch (fault) {
          this.#survive(fault, picked);
        } finally {
          picked.lease.end();
        }
        if (this.#next === undefined) throw new GatewayError("internal_error", "no attempt follows");
      }
    } finally {
      this.#abandon();
    }
  }

  /** One that was picked and not begun, because something threw in between. */
  #abandon(): void {
    this.#next?.lease.end();
  }

  #begun(picked: Picked<Place>): Attempt {
    const { place } = picked;
    this.#count += 1;
    this.#tried.push(place.member);
    const { draft } = this.#triable;
    draft.backend = place.backend.name;
    draft.attempts = this.#count;
    const wasRetry = this.#isRetry;
    return {
      place,
      judge: (status, headers, credential) =>
        this.#judge({ kind: "answered", status, headers }, picked, credential, wasRetry),
    };
  }

  /** @throws what ended an attempt, where no other follows it */
  #survive(fault: unknown, picked: Picked<Place>): void {
    if (this.#triable.isAnswered()) {
      // The head was a good word about the backend, and too early.
      if (fault instanceof BackendFault && fault.code === "backend_unreachable")
        picked.place.member.upstream.breaker.learn({ kind: "broken" });
      throw fault;
    }
    if (!this.#failed(fault, picked)) throw this.#lastWord(fault);
  }

  /** An answer's head has come. */
  #judge(
    outcome: AttemptOutcome & { readonly kind: "answered" },
    { place, lease }: Picked<Place>,
    credential: readonly string[],
    wasRetry: boolean,
  ): HeadVerdict {
    const { status, headers } = outcome;
    lease.tell(outcome);
    const isGood = status !== 429 && !isFailingStatus(status);
    if (isGood && wasRetry) this.#ready.pool.budget.giveBack();
    const isRefused = status === 401 || refusesAwsKeys(status, headers);
    if (
      isRefused &&
      this.#triable.replayable &&
      !this.#renewed &&
      place.backend.outbound.refused(credential)
    ) {
      // Not served, and no fault of the backend's: the same one again, with what the credential gives now.
      this.#renewed = true;
      this.#next = { place, lease: place.member.upstream.begin() };
      return { pass: false };
    }
    if (this.#tryAgainAfter(outcome)) return { pass: false };
    const { pool, places } = this.#ready;
    if (isGood || (status !== 429 && status !== 503) || places.length < 2) return { pass: true };
    return { pass: true, retryAfterSeconds: pool.nothingLeft(places).retryAfterSeconds };
  }

  /** @returns whether another attempt follows a fault that came before any answer */
  #failed(fault: unknown, { lease }: Picked<Place>): boolean {
    if (fault instanceof BackendFault) {
      const outcome = outcomeOf(fault);
      lease.tell(outcome);
      return this.#tryAgainAfter(outcome);
    }
    // Another backend may have another credential, and nothing was sent.
    const noCredential = fault instanceof GatewayError && fault.code === "credential_unavailable";
    return noCredential && this.#tryAgainAfter({ kind: "unsent" });
  }

  #tryAgainAfter(outcome: AttemptOutcome): boolean {
    const { pool } = this.#ready;
    if (!mayTryAgain(outcome, this.#triable)) return false;
    if (this.#count >= pool.attempts || this.#elapsedMs >= pool.retryWithinMs) return false;
    if (this.#triable.isCallerGone() || !pool.budget.take()) return false;
    this.#next = this.#pick();
    if (this.#next === undefined) pool.budget.giveBack();
    else this.#isRetry = true;
    return this.#next !== undefined;
  }

  #pick(): Picked<Place> | undefined {
    const { pool, places } = this.#ready;
    return pool.pick(places, this.#tried);
  }

  get #elapsedMs(): number {
    return this.#clock.monotonic() - this.#triable.draft.begunAt;
  }

  #nothingLeft(): GatewayError {
    const { pool, places } = this.#ready;
    const { throttled, retryAfterSeconds } = pool.nothingLeft(places);
    return new GatewayError(
      throttled ? "backends_throttled" : "no_healthy_backend",
      `none of ${places.map(({ backend }) => backend.name).join(", ")} takes requests now`,
      { retryAfterSeconds },
    );
  }

  /** The last fault, which says when to come back if nothing of the pool is left. */
  #lastWord(fault: unknown): unknown {
    const { places } = this.#ready;
    if (!(fault instanceof BackendFault) || places.some(({ member }) => member.upstream.breaker.admits))
      return fault;
    const retryAfterSeconds = this.#nothingLeft().retryAfterSeconds ?? 1;
    return new GatewayError(fault.code, fault.message, { cause: fault.cause, retryAfterSeconds });
  }
}

function outcomeOf({ sent, code }: BackendFault): AttemptOutcome {
  if (!sent) return { kind: "unsent" };
  return { kind: code === "backend_timeout" ? "timeout" : "broken" };
}
