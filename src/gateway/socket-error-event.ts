import { randomUUID } from "node:crypto";
import { describeError, type ErrorCode } from "../kernel/error-catalogue.ts";
import type { Denied } from "../model/verdict.ts";

/** What is told in a WebSocket: a denial with its detail, or the bare code of a fault. */
export type SocketRefusal = Denied | { readonly allowed?: undefined; readonly code: ErrorCode };

/**
 * The event by which the APIs themselves tell of an error in a WebSocket.
 * @param api `upgrade` of the operation: each has a field of its own beside `error`
 */
export function socketErrorEvent(refusal: SocketRefusal, api: "realtime" | "responses"): Buffer {
  const { status, error } = errorOf(refusal);
  const envelope = api === "realtime" ? { event_id: `event_${randomUUID()}` } : { status };
  return Buffer.from(JSON.stringify({ type: "error", ...envelope, error }));
}

function errorOf(refusal: SocketRefusal): { readonly status: number; readonly error: object } {
  const { status, type, message: sentence } = describeError(refusal.code);
  if (refusal.allowed === undefined)
    return { status, error: { type, code: refusal.code, message: sentence, param: null } };
  const { code, detail, inBackendsWords: words } = refusal;
  if (words === undefined)
    return { status, error: { type, code, message: `${sentence} ${detail}`, param: null } };
  const { message, param } = words;
  return { status: words.status, error: { type: "invalid_request_error", code: words.code, message, param } };
}
