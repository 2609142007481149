import { requestHeaders } from "../forward/request-headers.ts";
import { responseHeaders } from "../forward/response-headers.ts";
import { readWebSocketWish, webSocketAnswerHeaders } from "../forward/web-socket-headers.ts";
import type { OpenedWebSocket, RefusedWebSocket } from "../forward/web-socket-lane.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import { deny } from "../model/verdict.ts";
import { decide } from "../policy/decide.ts";
import { parseHead, targetOf } from "../target/parse-head.ts";
import type { Caller, ConnectionCaller } from "./caller.ts";
import { circumstancesOf, type ExchangeDraft } from "./exchange-draft.ts";
import { findBackend, refuseElsewhere } from "./find-backend.ts";
import type { Gateway, ReadyBackend } from "./gateway.ts";
import { judgeMessage } from "./judge-message.ts";
import { CallerLeft } from "./read-body.ts";
import { relaySocket } from "./relay-socket.ts";
import { socketErrorEvent } from "./socket-error-event.ts";
import { SocketIds } from "./socket-ids.ts";
import type { Upgrade, UpgradeEnd } from "./upgrade.ts";
import { whilePresent } from "./while-present.ts";

/**
 * The story of a WebSocket of the inference APIs: target -> grant -> backend -> credential -> open towards the backend ->
 * accept the client -> judge each message. The backend comes first, so that its refusal still is an HTTP answer.
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
  const api = head.value.operation.upgrade;
  if (api === undefined) return deny("operation_unknown", "This operation does not take an upgrade.");
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
  const place = await findBackend(gateway, entry, grant.value, head.value);
  if (!place.allowed) return place;
  const backend = place.value;
  draft.backend = backend.name;
  const elsewhere = refuseElsewhere(gateway, target.deployments, backend);
  if (elsewhere !== undefined) return elsewhere;

  const outbound = {
    method: "GET" as const,
    path: `${backend.basePath}${target.path}${target.query === "" ? "" : `?${target.query}`}`,
    headers: [...requestHeaders(request.rawHeaders, draft.requestId), ...target.headers],
  };
  const opened = await whilePresent(socket, async (signal) => {
    const credential = await backend.outbound.headers(
      { ...outbound, origin: backend.origin, body: null },
      signal,
    );
    return openReported(
      gateway,
      backend,
      { ...outbound, headers: [...outbound.headers, ...credential], protocols: wish.protocols },
      signal,
    );
  });
  if (!opened.opened) return answerOf(opened, draft);

  const client = backend.webSockets.accept(request, socket, upgrade.head, {
    protocol: opened.protocol,
    headers: webSocketAnswerHeaders(opened.headers, draft.requestId),
  });
  if (client === undefined) {
    opened.side.terminate();
    throw new CallerLeft();
  }
  const ids = new SocketIds(principal.client, backend.name, gateway.ownership, draft.requestId);
  const { remoteAddress } = draft;
  const open = { connection, head: head.value, client: principal.client, remoteAddress, backend, ids };
  const relay = relaySocket(client, opened.side, {
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
  return { status: 101, ...(denied === undefined ? {} : { denied }), isFault: fault !== undefined };
}

async function openReported(
  { clock, metrics }: Gateway,
  { name, webSockets }: ReadyBackend,
  request: Parameters<ReadyBackend["webSockets"]["open"]>[0],
  signal: AbortSignal,
): Promise<OpenedWebSocket | RefusedWebSocket> {
  const startedAt = clock.now();
  const report = (outcome: "answered" | "unreachable" | "timeout" | "aborted") => {
    const durationMs = clock.now() - startedAt;
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
function answerOf({ status, headers, body }: RefusedWebSocket, draft: ExchangeDraft): UpgradeEnd {
  const passed: string[] = [];
  const all = responseHeaders(headers, draft.requestId);
  for (let at = 0; at < all.length; at += 2)
    if (all[at] !== "content-length") passed.push(all[at] as string, all[at + 1] as string);
  passed.push("content-length", String(body.length));
  return { status, answer: { headers: passed, body } };
}
