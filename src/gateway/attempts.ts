import type { IncomingMessage, ServerResponse } from "node:http";
import type { AttemptOutcome } from "../backend/attempt-outcome.ts";
import { isFailingStatus } from "../backend/attempt-outcome.ts";
import type { Picked } from "../backend/pool.ts";
import { mayTryAgain } from "../backend/retry-rules.ts";
import { refusesAwsKeys } from "../credential/aws-refusal.ts";
import { BackendFault } from "../forward/backend-fault.ts";
import { requestHeaders } from "../forward/request-headers.ts";
import { GatewayError } from "../kernel/errors.ts";
import type { Grant } from "../model/grant.ts";
import { isStreamed, type OutboundBody } from "../model/outbound-request.ts";
import { allow, type Verdict } from "../model/verdict.ts";
import type { RequestHead } from "../target/parse-head.ts";
import { renameRequest } from "../target/rename-request.ts";
import type { ExchangeDraft } from "./exchange-draft.ts";
import { namesAt } from "./find-backend.ts";
import type { Gateway, Place, ReadyPool } from "./gateway.ts";
import { claimsOf } from "./ownership.ts";
import { type HeadVerdict, relay } from "./relay.ts";
import { isQuick } from "./request-pace.ts";
import { whilePresent } from "./while-present.ts";

/** A granted request, with everything that an attempt needs of it. */
export interface GrantedRequest {
  readonly head: RequestHead;
  readonly grant: Grant;
  readonly body: OutboundBody;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly draft: ExchangeDraft;
}

/** The answer that the client got. */
export interface Answered {
  readonly status: number;
  /** The name of the backend that gave it. */
  readonly backend: string;
}

/**
 * Sends a request to one place after the other, until one of them gives an answer that is worth passing on, or nothing
 * is left that may be tried: another attempt only where it can do no harm, before the client was sent a byte, within
 * the number, the time and the budget of the deployment.
 * @throws GatewayError `no_healthy_backend`, `backends_throttled`, or the fault of the last attempt; CallerLeft
 */
export function sendToOneOf(
  gateway: Gateway,
  ready: ReadyPool,
  granted: GrantedRequest,
): Promise<Verdict<Answered>> {
  return new Attempts(gateway, ready, granted).run();
}

class Attempts {
  readonly #gateway: Gateway;
  readonly #ready: ReadyPool;
  readonly #granted: GrantedRequest;
  readonly #replayable: boolean;
  readonly #tried = new Set<Picked["member"]>();
  #count = 0;
  /** The next attempt, as soon as the one before it is given up. */
  #next: Picked | undefined;
  #isRetry = false;
  #renewed = false;

  constructor(gateway: Gateway, ready: ReadyPool, granted: GrantedRequest) {
    this.#gateway = gateway;
    this.#ready = ready;
    this.#granted = granted;
    this.#replayable = !isStreamed(granted.body);
  }

  async run(): Promise<Verdict<Answered>> {
    this.#ready.pool.budget.deposit();
    this.#next = this.#pick();
    if (this.#next === undefined) throw this.#nothingLeft();
    try {
      for (;;) {
        const picked: Picked = this.#next;
        this.#next = undefined;
        const answered = await this.#attempt(picked).finally(() => picked.lease.end());
        if (answered !== "again") return answered;
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

  async #attempt(picked: Picked): Promise<Verdict<Answered> | "again"> {
    const place = this.#ready.places.find(({ member }) => member === picked.member);
    if (place === undefined) throw new GatewayError("internal_error", "an attempt without a place");
    this.#count += 1;
    this.#tried.add(picked.member);
    const { draft } = this.#granted;
    draft.backend = place.backend.name;
    draft.attempts = this.#count;
    const wasRetry = this.#isRetry;
    try {
      const answered = await this.#send(place, picked, wasRetry);
      if (!answered.allowed) return answered;
      return answered.value === "again"
        ? "again"
        : allow({ status: answered.value, backend: place.backend.name });
    } catch (fault) {
      if (this.#granted.response.headersSent) {
        // The head was a good word about the backend, and too early.
        if (fault instanceof BackendFault && fault.code === "backend_unreachable")
          picked.member.upstream.breaker.learn({ kind: "broken" });
        throw fault;
      }
      if (!this.#failed(fault, picked)) throw this.#lastWord(fault);
      return "again";
    }
  }

  async #send(place: Place, picked: Picked, wasRetry: boolean): Promise<Verdict<number | "again">> {
    const gateway = this.#gateway;
    const { head, grant, request, response, draft } = this.#granted;
    const { backend } = place;
    const nameAt = namesAt(gateway, place, grant.deployment);
    const renamed = renameRequest(head, grant.target, this.#granted.body, nameAt);
    const { path, query, headers: named, body } = renamed;
    const outbound = {
      method: head.operation.method,
      path: `${backend.basePath}${path}${query === "" ? "" : `?${query}`}`,
      headers: [...requestHeaders(request.rawHeaders, draft.requestId), ...named],
      body,
      ...(isQuick(head.operation) ? { firstByteTimeoutMs: gateway.quickFirstByteTimeoutMs } : {}),
    };
    const credential = await whilePresent(response, (signal) =>
      backend.outbound.headers(
        { ...outbound, origin: backend.origin, body: isStreamed(body) ? "unseen" : body },
        signal,
      ),
    );
    const claims = claimsOf(
      grant,
      head.operation.createdIn,
      backend.name,
      gateway.ownership,
      draft.requestId,
    );
    return relay(
      backend.forwarder,
      { ...outbound, headers: [...outbound.headers, ...credential] },
      response,
      {
        backend: backend.name,
        requestId: draft.requestId,
        clock: gateway.clock,
        report: (attempt) => gateway.metrics.attempt(attempt),
        ...(claims === undefined ? {} : { filter: claims }),
        onHead: (status, headers) => this.#judge(status, headers, place, picked, credential, wasRetry),
        withinMs: Math.max(0, gateway.totalTimeoutMs - this.#elapsedMs),
      },
    );
  }

  /** An answer's head has come. */
  #judge(
    status: number,
    headers: readonly string[],
    { backend }: Place,
    picked: Picked,
    credential: readonly string[],
    wasRetry: boolean,
  ): HeadVerdict {
    const outcome: AttemptOutcome = { kind: "answered", status, headers };
    picked.lease.tell(outcome);
    const isGood = status !== 429 && !isFailingStatus(status);
    if (isGood && wasRetry) this.#ready.pool.budget.giveBack();
    const isRefused = status === 401 || refusesAwsKeys(status, headers);
    if (isRefused && this.#replayable && !this.#renewed && backend.outbound.refused(credential)) {
      // Not served, and no fault of the backend's: the same one again, with what the credential gives now.
      this.#renewed = true;
      this.#next = { member: picked.member, lease: picked.member.upstream.begin() };
      return { pass: false };
    }
    if (this.#tryAgainAfter(outcome)) return { pass: false };
    const { pool, places } = this.#ready;
    if (isGood || (status !== 429 && status !== 503) || places.length < 2) return { pass: true };
    return {
      pass: true,
      retryAfterSeconds: pool.nothingLeft(places.map(({ member }) => member)).retryAfterSeconds,
    };
  }

  /** @returns whether another attempt follows a fault that came before any answer */
  #failed(fault: unknown, picked: Picked): boolean {
    if (fault instanceof BackendFault) {
      const outcome = outcomeOf(fault);
      picked.lease.tell(outcome);
      return this.#tryAgainAfter(outcome);
    }
    // Another backend may have another credential, and nothing was sent.
    const noCredential = fault instanceof GatewayError && fault.code === "credential_unavailable";
    return noCredential && this.#tryAgainAfter({ kind: "unsent" });
  }

  #tryAgainAfter(outcome: AttemptOutcome): boolean {
    const { pool } = this.#ready;
    const { retryable } = this.#granted.grant.target;
    if (!mayTryAgain(outcome, { retryable, replayable: this.#replayable })) return false;
    if (this.#count >= pool.attempts || this.#elapsedMs >= pool.retryWithinMs) return false;
    if (this.#granted.response.destroyed || !pool.budget.take()) return false;
    this.#next = this.#pick();
    if (this.#next === undefined) pool.budget.giveBack();
    else this.#isRetry = true;
    return this.#next !== undefined;
  }

  #pick(): Picked | undefined {
    const { pool, places } = this.#ready;
    return pool.pick(
      places.map(({ member }) => member),
      this.#tried,
    );
  }

  get #elapsedMs(): number {
    return this.#gateway.clock.now() - this.#granted.draft.startedAt;
  }

  #nothingLeft(): GatewayError {
    const { pool, places } = this.#ready;
    const { throttled, retryAfterSeconds } = pool.nothingLeft(places.map(({ member }) => member));
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
