import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ConnectionCaller } from "../gateway/caller.ts";
import type { ExchangeDraft } from "../gateway/exchange-draft.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { handleExchange } from "../gateway/handle-exchange.ts";
import { CallerLeft } from "../gateway/read-body.ts";
import type { Clock } from "../kernel/clock.ts";
import type { ErrorCode } from "../kernel/error-catalogue.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { Exchange } from "../model/exchange.ts";
import type { Denied } from "../model/verdict.ts";
import { breakOff } from "./break-off.ts";
import type { LiveExchanges } from "./live-exchanges.ts";
import { refuse, type Refusal } from "./refuse.ts";

export interface ExchangeServer {
  readonly clock: Clock;
  /** The gateway as it is configured now; what the lease gives stays usable until it is left, once. */
  readonly enter: () => { readonly gateway: Gateway; leave(): void };
  /** Hears of every exchange, once, when its last byte was sent or its connection ended. */
  readonly record: (exchange: Exchange) => void;
  /** True while the process drains: answers ask the client to close. */
  readonly draining: () => boolean;
  readonly live: LiveExchanges;
}

/**
 * Serves one request: the story, and its ends. Never throws.
 * @param turnedAway answered at once, whoever asks and whatever for
 */
export async function serveExchange(
  server: ExchangeServer,
  connection: ConnectionCaller,
  request: IncomingMessage,
  response: ServerResponse,
  turnedAway?: Denied,
): Promise<void> {
  if (connection.turnedAway) return void response.destroy();
  const draft = begin(server, request);
  if (turnedAway !== undefined) {
    note(draft, turnedAway.code, turnedAway.detail);
    const status = refuse(request, response, turnedAway, draft.requestId, closes(turnedAway));
    return server.record(complete(server, draft, { decision: "denied", answeredBy: "gateway" }, status));
  }
  let outcome: Outcome = { decision: "allowed", answeredBy: "backend" };
  let wasCut = false;
  const live = server.live.add(connection, (denied) => {
    outcome = { decision: "denied", answeredBy: "gateway" };
    note(draft, denied.code, denied.detail);
    wasCut = true;
    // One that may not go on gets nothing more; one that only has to make room is told so.
    if (denied.code === "shutting_down") breakOff(request, response, denied, draft.requestId);
    else response.destroy();
  });
  // It comes once, after the last byte or the end of the connection, whichever is first.
  response.on("close", () => {
    // A response that never was begun has status 200 by default: that must not be what the record says.
    const left = !response.writableFinished;
    server.record(complete(server, draft, outcome, left ? 499 : response.statusCode));
  });
  const lease = server.enter();
  try {
    if (server.draining()) response.shouldKeepAlive = false;
    let denied: Denied | undefined;
    try {
      denied = await handleExchange(lease.gateway, connection, request, response, draft, live.granted);
    } finally {
      live.end();
      lease.leave();
    }
    // What comes of it afterwards is no news.
    if (wasCut) return;
    if (denied === undefined) {
      if (draft.backend === undefined) outcome = { decision: "allowed", answeredBy: "gateway" };
      return;
    }
    outcome = { decision: "denied", answeredBy: "gateway" };
    note(draft, denied.code, denied.detail);
    // Into an answer that is under way nothing may be written.
    if (response.headersSent || response.destroyed) response.destroy();
    else refuse(request, response, denied, draft.requestId, closes(denied));
  } catch (fault) {
    if (wasCut) return;
    const refusal = refusalOf(fault, draft);
    // Nobody to answer: the caller left, or was cut, and then the record says why already.
    if (refusal === undefined) return;
    outcome = { decision: "allowed", answeredBy: "gateway" };
    if (response.headersSent) response.destroy();
    else refuse(request, response, refusal, draft.requestId, "keep");
  }
}

export type Outcome = Pick<Exchange, "decision" | "answeredBy">;

export function begin({ clock }: ExchangeServer, request: IncomingMessage): ExchangeDraft {
  const draft: ExchangeDraft = {
    requestId: randomUUID(),
    startedAt: clock.now(),
    begunAt: clock.monotonic(),
    method: request.method ?? "",
  };
  const { remoteAddress } = request.socket;
  if (remoteAddress !== undefined) draft.remoteAddress = remoteAddress;
  return draft;
}

export const complete = (
  { clock }: ExchangeServer,
  draft: ExchangeDraft,
  { decision, answeredBy }: Outcome,
  status: number,
): Exchange => ({
  ...draft,
  decision,
  answeredBy,
  status,
  durationMs: clock.monotonic() - draft.begunAt,
});

export function note(draft: ExchangeDraft, code: ErrorCode, detail: string): void {
  draft.reason = code;
  draft.detail = detail;
}

/** A caller that is not trusted has no business on the connection any more; one that asked wrongly may ask again. */
const closes = (denied: Denied): "close" | "keep" =>
  denied.code.startsWith("client_") ||
  denied.code.endsWith("_unavailable") ||
  denied.code === "connections_exceeded"
    ? "close"
    : "keep";

/** What to answer to a fault; undefined when there is nobody left to answer. The operator's sentence stays in the log. */
export function refusalOf(fault: unknown, draft: ExchangeDraft): Refusal | undefined {
  if (fault instanceof CallerLeft) return undefined;
  const known = fault instanceof GatewayError ? fault : undefined;
  const code = known?.code ?? "internal_error";
  note(draft, code, describeFault(fault));
  return {
    code,
    ...(known?.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: known.retryAfterSeconds }),
  };
}
