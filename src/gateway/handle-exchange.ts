import type { IncomingMessage, ServerResponse } from "node:http";
import { requestHeaders } from "../forward/request-headers.ts";
import { deny, type Denied, type Verdict } from "../model/verdict.ts";
import { decide, mayStillBeGranted } from "../policy/decide.ts";
import type { Target } from "../model/target.ts";
import { parseBody } from "../target/parse-body.ts";
import { readMultipart } from "../target/multipart/start-multipart.ts";
import { parseHead, targetOf, type RequestHead } from "../target/parse-head.ts";
import { answerModels } from "./answer-models.ts";
import type { ConnectionCaller } from "./caller.ts";
import { circumstancesOf, type ExchangeDraft } from "./exchange-draft.ts";
import { findBackend } from "./find-backend.ts";
import type { Gateway } from "./gateway.ts";
import { claimsOf, forgetDeleted } from "./ownership.ts";
import { passThrough } from "./pass-through.ts";
import { readBody } from "./read-body.ts";
import { relay } from "./relay.ts";
import { whilePresent } from "./while-present.ts";

/**
 * The story of one request, one stage a call: caller -> target -> grant -> owner and backend -> credential -> forward.
 * Each stage takes what only the stage before it can make.
 * @returns a denial to render, or undefined once the answer is complete
 * @throws GatewayError for a fault to render (or to cut, when the head was sent); CallerLeft
 */
export async function handleExchange(
  gateway: Gateway,
  connection: ConnectionCaller,
  request: IncomingMessage,
  response: ServerResponse,
  draft: ExchangeDraft,
): Promise<Denied | undefined> {
  const caller = await connection.identifyOrFetch();
  if (!caller.allowed) return caller;
  const { principal, entry } = caller.value;
  draft.client = principal.client;
  draft.thumbprint = principal.thumbprint;

  const route = gateway.routeOf(request.url ?? "");
  if (route !== undefined) return passThrough(route, caller.value, request, response, draft);

  const head = parseHead(
    { method: request.method ?? "", url: request.url ?? "", headers: request.rawHeaders },
    gateway.surface,
  );
  if (!head.allowed) return head;
  draft.path = head.value.path;
  draft.operation = head.value.operation.name;

  if (head.value.body !== "none") {
    const { operation, deployment } = head.value;
    const { name, group } = operation;
    const early = mayStillBeGranted(entry, {
      operation: name,
      group,
      ...(deployment === undefined ? {} : { deployment }),
    });
    if (!early.allowed) return early;
  }
  const body =
    head.value.body === "none" ? undefined : await readBody(request, response, gateway.jsonBodyLimit);
  if (body?.allowed === false) return body;
  const target = resolveTarget(head.value, body?.value);
  if (!target.allowed) return target;
  if (target.value.deployments[0] !== undefined) draft.deployment = target.value.deployments[0];

  const grant = decide(entry, target.value, circumstancesOf(draft));
  if (!grant.allowed) return grant;
  const { deployment } = grant.value;
  if (head.value.operation.answeredBy === "gateway")
    return answerModels(entry, response, draft.requestId, deployment);

  const place = await findBackend(gateway, entry, grant.value);
  if (!place.allowed) return place;
  const backend = place.value;
  draft.backend = backend.name;

  const { path, query, headers: named, deletes } = grant.value.target;
  const outbound = {
    method: head.value.operation.method,
    path: `${backend.basePath}${path}${query === "" ? "" : `?${query}`}`,
    headers: [...requestHeaders(request.rawHeaders, draft.requestId), ...named],
    body: body?.value ?? null,
  };
  const credential = await whilePresent(response, (signal) =>
    backend.outbound.headers({ ...outbound, origin: backend.origin }, signal),
  );

  const { createdIn } = head.value.operation;
  const claims = claimsOf(grant.value, createdIn, backend.name, gateway.ownership, draft.requestId);
  const status = await relay(
    backend.forwarder,
    { ...outbound, headers: [...outbound.headers, ...credential] },
    response,
    {
      backend: backend.name,
      requestId: draft.requestId,
      clock: gateway.clock,
      report: (attempt) => gateway.metrics.attempt(attempt),
      ...(claims === undefined ? {} : { filter: claims }),
    },
  );
  if (deletes !== undefined && status >= 200 && status < 300)
    await forgetDeleted(grant.value, backend.name, gateway.ownership);
  return undefined;
}

/** The head's last word: with the body where the operation has one. */
export function resolveTarget(head: RequestHead, body: Uint8Array | undefined): Verdict<Target> {
  if (head.operation.upgrade !== undefined)
    return deny("operation_not_permitted", "The gateway does not open WebSockets to this operation yet.");
  if (body === undefined) return { allowed: true, value: targetOf(head), trace: [] };
  return head.body === "multipart" ? readMultipart(head, body) : parseBody(head, body);
}
