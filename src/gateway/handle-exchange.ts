import type { IncomingMessage, ServerResponse } from "node:http";
import type { OutboundBody } from "../model/outbound-request.ts";
import { allow, deny, type Denied, type Verdict } from "../model/verdict.ts";
import { decide, mayStillBeGranted } from "../policy/decide.ts";
import type { Target } from "../model/target.ts";
import { parseBody } from "../target/parse-body.ts";
import { readMultipart } from "../target/multipart/start-multipart.ts";
import { parseHead, targetOf, type RequestHead } from "../target/parse-head.ts";
import { answerModels } from "./answer-models.ts";
import { grantBatchInputs, type InputFacts } from "./batch-input.ts";
import type { Caller, CallerVerdict, ConnectionCaller } from "./caller.ts";
import { circumstancesOf, type ExchangeDraft, type Regrant } from "./exchange-draft.ts";
import { findPlaces, isCalledSoAt } from "./find-backend.ts";
import type { Gateway } from "./gateway.ts";
import { forgetDeleted } from "./ownership.ts";
import { passThrough } from "./pass-through.ts";
import { readBody } from "./read-body.ts";
import { receiveForm } from "./receive-form.ts";
import { sendToOneOf } from "./send-request.ts";

/**
 * The story of one request, one stage a call: caller -> target -> grant -> owner and backends ->
 * attempts (credential -> forward).
 * Each stage takes what only the stage before it can make.
 * @param granted hears of the grant, so that it can be decided again when the client's entry changes
 * @returns a denial to render, or undefined once the answer is complete
 * @throws GatewayError for a fault to render (or to cut, when the head was sent); CallerLeft
 */
export async function handleExchange(
  gateway: Gateway,
  connection: ConnectionCaller,
  request: IncomingMessage,
  response: ServerResponse,
  draft: ExchangeDraft,
  granted: Regrant,
): Promise<Denied | undefined> {
  const caller = await connection.identifyOrFetch();
  if (!caller.allowed) return caller;
  const { principal } = caller.value;
  draft.client = principal.client;
  draft.thumbprint = principal.thumbprint;

  const route = gateway.routeOf(request.url ?? "");
  if (route !== undefined)
    return passThrough(gateway, route, caller.value, request, response, draft, granted);

  const head = parseHead(
    { method: request.method ?? "", url: request.url ?? "", headers: request.rawHeaders },
    gateway.surface,
  );
  if (!head.allowed) return head;
  draft.path = head.value.path;
  draft.operation = head.value.operation.name;
  if (head.value.operation.upgrade !== undefined) return notAnUpgrade;

  if (head.value.body !== "none") {
    const { operation, deployment } = head.value;
    const { name, group } = operation;
    const early = mayStillBeGranted(caller.value.entry, { operation: name, group, deployment });
    if (!early.allowed) return early;
  }
  const received = await receive(gateway, head.value, request, response, principal.client);
  if (!received.allowed) return received;
  const { target, body } = received.value;
  const present = await presentCaller(connection, caller.value, head.value);
  if (!present.allowed) return present;
  const { entry } = present.value;
  if (target.deployments[0] !== undefined) draft.deployment = target.deployments[0];

  const grant = decide(entry, target, circumstancesOf(draft));
  if (!grant.allowed) return grant;
  granted(entry, (changed) => decide(changed, target, circumstancesOf(draft)));
  const { deployment } = grant.value;
  if (head.value.operation.answeredBy === "gateway")
    return answerModels(entry, response, draft.requestId, deployment);

  const inputs = await grantBatchInputs(grant.value, inputFacts(gateway), (wider) =>
    decide(entry, wider, circumstancesOf(draft)),
  );
  if (!inputs.allowed) return inputs;
  const places = await findPlaces(gateway, entry, grant.value, head.value);
  if (!places.allowed) return places;
  const granting = { head: head.value, grant: grant.value, body, request, response, draft };
  const answered = await sendToOneOf(gateway, places.value, granting);
  if (!answered.allowed) return answered;
  const { status, backend } = answered.value;
  if (target.deletes !== undefined && status >= 200 && status < 300)
    await forgetDeleted(grant.value, backend, gateway.ownership);
  return undefined;
}

const inputFacts = (gateway: Gateway) => (): InputFacts => ({
  store: gateway.ownership.store,
  backends: [...gateway.objectPools.keys()],
  isCalledSoAt: (deployment, backend) => isCalledSoAt(gateway, deployment, backend),
});

/**
 * Who is asking now. A client decides how long its body takes to arrive: what it was allowed when it began must not be
 * kept in store like this.
 */
function presentCaller(
  connection: ConnectionCaller,
  before: Caller,
  { body }: RequestHead,
): CallerVerdict | Promise<CallerVerdict> {
  if (body === "none") return allow(before);
  const now = connection.identifyOrFetch();
  return now instanceof Promise ? now.then((later) => sameClient(before, later)) : sameClient(before, now);
}

const sameClient = ({ principal }: Caller, now: CallerVerdict): CallerVerdict =>
  now.allowed && now.value.principal.client !== principal.client
    ? deny("client_unknown", "The certificate belongs to another client now; ask again.")
    : now;

type Received = Verdict<{ readonly target: Target; readonly body: OutboundBody }>;

/** The target, and the body as far as it had to be read for it. */
function receive(
  gateway: Gateway,
  head: RequestHead,
  request: IncomingMessage,
  response: ServerResponse,
  client: string,
): Received | Promise<Received> {
  if (head.body === "none") return withBody(head, undefined);
  const memory = gateway.bodies.open(client);
  if (head.body === "multipart") return receiveForm(head, request, response, gateway.formLimits, memory);
  const body = readBody(request, response, gateway.jsonBodyLimit, memory);
  return body instanceof Promise ? body.then((later) => withBody(head, later)) : withBody(head, body);
}

function withBody(head: RequestHead, body: Verdict<Uint8Array> | undefined): Received {
  if (body?.allowed === false) return body;
  const target = resolveTarget(head, body?.value);
  return target.allowed ? allow({ target: target.value, body: body?.value ?? null }, target.trace) : target;
}

/** Such a request does not come here: the server calls `handleUpgrade`. */
const notAnUpgrade = deny(
  "request_malformed",
  "This operation is a WebSocket: upgrade is required (connection: Upgrade, upgrade: websocket).",
);

/** The head's last word: with the body where the operation has one. */
export function resolveTarget(head: RequestHead, body: Uint8Array | undefined): Verdict<Target> {
  if (body === undefined) return { allowed: true, value: targetOf(head), trace: [] };
  return head.body === "multipart" ? readMultipart(head, body) : parseBody(head, body);
}
