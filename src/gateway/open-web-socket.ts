import { BackendFault } from "../forward/backend-fault.ts";
import { requestHeaders } from "../forward/request-headers.ts";
import { responseHeaders } from "../forward/response-headers.ts";
import { readWebSocketWish, webSocketAnswerHeaders } from "../forward/web-socket-headers.ts";
import type { OpenedWebSocket, RefusedWebSocket } from "../forward/web-socket-lane.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { Target } from "../model/target.ts";
import { deny } from "../model/verdict.ts";
import { decide } from "../policy/decide.ts";
import { parseHead, type RequestHead, targetOf } from "../target/parse-head.ts";
import { type Attempt, tryPlaces } from "./attempts.ts";
import type { Caller, ConnectionCaller } from "./caller.ts";
import { circumstancesOf, type ExchangeDraft } from "./exchange-draft.ts";
import { findPlaces } from "./find-backend.ts";
import type { Gateway, Place, ReadyBackend } from "./gateway.ts";
import { judgeMessage } from "./judge-message.ts";
import { CallerLeft } from "./read-body.ts";
import { withRetryAfter } from "./head-gate.ts";
import { relaySocket } from "./relay-socket.ts";
import { socketErrorEvent } from "./socket-error-event.ts";
import { SocketIds } from "./socket-ids.ts";
import type { Upgrade, UpgradeEnd, UpgradeOver } from "./upgrade.ts";
import { whilePresent } from "./while-present.ts";

/** A granted upgrade, with everything that an attempt needs of it. */
interface GrantedUpgrade {
  readonly connection: ConnectionCaller;
  readonly client: string;
  readonly head: RequestHead;
  readonly target: Target;
  /** Subprotocols that may be offered. */
  readonly protocols: readonly string[];
  readonly upgrade: Upgrade;
  readonly draft: ExchangeDraft;
}

/**
 * The story of a WebSocket of the inference APIs: target -> grant -> backends -> attempts (credential -> open towards the
 * backend) -> accept the client -> judge each message. The backend comes first, so that its refusal still is an HTTP
 * answer, and so that another one can be tried. It stays where it was opened.
 * @throws GatewayError while nothing was accepted; CallerLeft
 */
export async function openWebSocket(
  gateway: Gateway,
  connection: ConnectionCaller,
  { principal, entry }: Caller,
  upgrade: Upgrade,
  draft: ExchangeDraft,
): Promise<UpgradeEnd> {
  const { request, socket } = upgrade;
  const head = parseHead(
    { method: request.method ?? "", url: request.url ?? "", headers: request.rawHeaders },
    gateway.surface,
  );
  if (!head.allowed) return head;
  draft.path = head.value.path;
  draft.operation = head.value.operation.name;
  if (head.value.operation.upgrade === undefined)
    return deny("operation_unknown", "This operation does not take an upgrade.");
  const wish = readWebSocketWish(request.rawHeaders);
  if (!wish.ok)
    return deny(wish.code, `${wish.rule.charAt(0).toUpperCase()}${wish.rule.slice(1)}.`, [
      { check: "upgrade", outcome: "fail", detail: wish.rule },
    ]);

  const target = targetOf(head.value);
  if (target.deployments[0] !== undefined) draft.deployment = target.deployments[0];
  const grant = decide(entry, target, circumstancesOf(draft));
  if (!grant.allowed) return grant;
  upgrade.granted(entry, (changed) => decide(changed, target, circumstancesOf(draft)));
  const places = await findPlaces(gateway, entry, grant.value, head.value);
  if (!places.allowed) return places;

  const { client } = principal;
  const granted = { connection, client, head: head.value, target, protocols: wish.protocols, upgrade, draft };
  const triable = {
    draft,
    // Until it is accepted, an upgrade has left nothing behind.
    retryable: true,
    replayable: true,
    isAnswered: () => upgrade.goodbye !== undefined,
    isCallerGone: () => socket.destroyed,
  };
  return tryPlaces(gateway, places.value, triable, (attempt) => openAt(gateway, granted, attempt));
}

async function openAt(
  gateway: Gateway,
  granted: GrantedUpgrade,
  { place, judge }: Attempt,
): Promise<UpgradeOver | "again"> {
  const { target, protocols, upgrade, draft } = granted;
  const { request, socket } = upgrade;
  const { backend } = place;
  const outbound = {
    method: "GET",
    path: `${backend.basePath}${target.path}${target.query === "" ? "" : `?${target.query}`}`,
    headers: [...requestHeaders(request.rawHeaders, draft.requestId), ...target.headers],
  };
  const open = async (signal: AbortSignal) => {
    const authenticating = { ...outbound, origin: backend.origin, body: null };
    const headers = await backend.outbound.headers(authenticating, signal);
    const wanted = {
      path: outbound.path,
      headers: [...outbound.headers, ...headers],
      protocols,
      answerTimeoutMs: gateway.quickFirstByteTimeoutMs,
    };
    return { opened: await openReported(gateway, backend, wanted, signal), credential: headers };
  };
  const { opened, credential } = await whilePresent(socket, open, ({ opened: unwanted }) => {
    if (unwanted.opened) unwanted.side.terminate();
  });
  const verdict = judge(opened.opened ? 101 : opened.status, opened.headers, credential);
  if (opened.opened) return converse(gateway, granted, place, opened);
  return verdict.pass ? answerOf(opened, draft, verdict.retryAfterSeconds) : "again";
}

/** Accepts the client, and stands between it and the backend until one of them ends. */
async function converse(
  gateway: Gateway,
  { connection, client, head, upgrade, draft }: GrantedUpgrade,
  { backend, member }: Place,
  opened: OpenedWebSocket,
): Promise<UpgradeOver> {
  const side = backend.webSockets.accept(upgrade.request, upgrade.socket, upgrade.head, {
    protocol: opened.protocol,
    headers: webSocketAnswerHeaders(opened.headers, draft.requestId),
  });
  if (side === undefined) {
    opened.side.terminate();
    throw new CallerLeft();
  }
  const api = head.operation.upgrade ?? "realtime";
  const ids = new SocketIds(client, backend.name, gateway.ownership, draft.requestId);
  const open = { connection, head, client, remoteAddress: draft.remoteAddress, backend, ids };
  const relay = relaySocket(side, opened.side, {
    admit: (message) => judgeMessage(gateway, open, message),
    // In the Realtime API nothing outlives its session.
    learn: (event) => (api === "responses" ? ids.learn(event) : undefined),
    errorEvent: (refusal) => socketErrorEvent(refusal, api),
  });
  upgrade.goodbye = (code, reason) => relay.end(code, reason);
  const { denied, fault } = await relay.ended;
  if (fault !== undefined) {
    draft.reason = fault.code;
    draft.detail = describeFault(fault);
  }
  // That it was opened was a good word about the backend, and too early.
  if (fault instanceof BackendFault) member.upstream.breaker.learn({ kind: "broken" });
  return { status: 101, ...(denied === undefined ? {} : { denied }), isFault: fault !== undefined };
}

async function openReported(
  { clock, metrics }: Gateway,
  { name, webSockets }: ReadyBackend,
  request: Parameters<ReadyBackend["webSockets"]["open"]>[0],
  signal: AbortSignal,
): Promise<OpenedWebSocket | RefusedWebSocket> {
  const startedAt = clock.monotonic();
  const report = (outcome: "answered" | "unreachable" | "timeout" | "aborted") => {
    const durationMs = clock.monotonic() - startedAt;
    metrics.attempt({
      backend: name,
      outcome,
      durationMs,
      ...(outcome === "answered" ? { firstByteMs: durationMs } : {}),
    });
  };
  try {
    const opened = await webSockets.open(request, signal);
    report("answered");
    return opened;
  } catch (fault) {
    if (!(fault instanceof GatewayError)) report("aborted");
    else report(fault.code === "backend_timeout" ? "timeout" : "unreachable");
    throw fault;
  }
}

/** A backend's refusal, as any other answer of it. */
function answerOf(
  { status, headers, body }: RefusedWebSocket,
  draft: ExchangeDraft,
  retryAfterSeconds: number | undefined,
): UpgradeOver {
  const passed: string[] = [];
  const all = responseHeaders(
    retryAfterSeconds === undefined ? headers : withRetryAfter(headers, retryAfterSeconds),
    draft.requestId,
  );
  for (let at = 0; at < all.length; at += 2)
    if (all[at] !== "content-length") passed.push(all[at] as string, all[at + 1] as string);
  passed.push("content-length", String(body.length));
  return { status, answer: { headers: passed, body } };
}
