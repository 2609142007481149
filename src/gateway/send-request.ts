import type { IncomingMessage, ServerResponse } from "node:http";
import { requestHeaders } from "../forward/request-headers.ts";
import type { Grant } from "../model/grant.ts";
import { isStreamed, type OutboundBody } from "../model/outbound-request.ts";
import { allow, type Verdict } from "../model/verdict.ts";
import type { RequestHead } from "../target/parse-head.ts";
import { renameRequest } from "../target/rename-request.ts";
import { type Attempt, tryPlaces } from "./attempts.ts";
import type { ExchangeDraft } from "./exchange-draft.ts";
import { namesAt } from "./find-backend.ts";
import type { Gateway, ReadyPool } from "./gateway.ts";
import { measureAnswer } from "./measure-answer.ts";
import { claimsOf } from "./ownership.ts";
import { relay } from "./relay.ts";
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
 * Sends a request to one of the places, and relays its answer.
 * @returns why the client's body, which was still on its way, is refused
 * @throws as `tryPlaces`
 */
export function sendToOneOf(
  gateway: Gateway,
  ready: ReadyPool,
  granted: GrantedRequest,
): Promise<Verdict<Answered>> {
  const { grant, body, response, draft } = granted;
  const triable = {
    draft,
    retryable: grant.target.retryable,
    replayable: !isStreamed(body),
    isAnswered: () => response.headersSent,
    isCallerGone: () => response.destroyed,
  };
  return tryPlaces<Verdict<Answered>>(gateway, ready, triable, (attempt) => send(gateway, granted, attempt));
}

async function send(
  gateway: Gateway,
  granted: GrantedRequest,
  { place, judge }: Attempt,
): Promise<Verdict<Answered> | "again"> {
  const { head, grant, request, response, draft } = granted;
  const { backend } = place;
  const nameAt = namesAt(gateway, place, grant.deployment);
  const { path, query, headers: named, body } = renameRequest(head, grant.target, granted.body, nameAt);
  const passed = requestHeaders(request.rawHeaders, draft.requestId);
  passed.push(...named);
  const outbound = {
    method: head.operation.method,
    path: `${backend.basePath}${path}${query === "" ? "" : `?${query}`}`,
    headers: passed,
    body,
    firstByteTimeoutMs: isQuick(head.operation) ? gateway.quickFirstByteTimeoutMs : Infinity,
  };
  const credential =
    backend.outbound.atHand?.() ??
    (await whilePresent(response, (signal) =>
      backend.outbound.headers(
        { ...outbound, origin: backend.origin, body: isStreamed(body) ? "unseen" : body },
        signal,
      ),
    ));
  passed.push(...credential);
  const relayed = await relay(backend.forwarder, outbound, response, {
    backend: backend.name,
    requestId: draft.requestId,
    clock: gateway.clock,
    report: (attempt) => gateway.metrics.attempt(attempt),
    filter: claimsOf(grant, head.operation.createdIn, backend.name, gateway.ownership, draft.requestId),
    measure: measureAnswer(head.operation, (usage) => {
      if (usage !== undefined) draft.usage = usage;
      gateway.metrics.usage({ deployment: draft.deployment, usage });
    }),
    onHead: (status, headers) => judge(status, headers, credential),
    withinMs: timeLeft(gateway.totalTimeoutMs - (gateway.clock.monotonic() - draft.begunAt)),
  });
  if (!relayed.allowed) return relayed;
  const { value: status } = relayed;
  return status === "again" ? status : allow({ status, backend: backend.name });
}

/** In tenths of a second, rounded up: timers of the same length share one list, and one of its own for each is dear. */
const timeLeft = (ms: number): number => Math.ceil(Math.max(0, ms) / 100) * 100;
