import type { IncomingMessage, ServerResponse } from "node:http";
import { describeError } from "../kernel/error-catalogue.ts";
import type { Denied } from "../model/verdict.ts";
import { refuse } from "./refuse.ts";

/** Between the last event and the end: clients drop what has come when the end comes with it. */
const readMs = 100;

/**
 * Ends an answer that nobody can wait for any more, so that its client knows that, and why. Where nothing was sent yet
 * it gets the refusal; an event stream gets one last event, which the official clients throw as an error. Every other
 * answer just ends before its end, which its framing tells (RFC 9112 8).
 */
export function breakOff(
  request: IncomingMessage,
  response: ServerResponse,
  denied: Denied,
  requestId: string,
): void {
  if (response.destroyed || response.writableEnded) return;
  if (!response.headersSent) return void refuse(request, response, denied, requestId, "close");
  if (!isEventStream(response)) return cut(response);
  response.write(lastEvent(denied, requestId));
  const timer = setTimeout(() => cut(response), readMs);
  response.once("close", () => clearTimeout(timer));
}

/** Not the response's own end, which would say that the answer is whole. */
function cut(response: ServerResponse): void {
  if (response.socket === null) response.destroy();
  else response.socket.destroySoon();
}

/** The empty lines end an event that was under way. */
function lastEvent({ code, detail }: Denied, requestId: string): string {
  const { message, type } = describeError(code);
  const error = { code, message: detail === "" ? message : `${message} ${detail}`, type, param: null };
  return `\n\nevent: error\ndata: ${JSON.stringify({ error, request_id: requestId })}\n\n`;
}

/** A head that is written in one piece leaves no headers behind to ask for; Node keeps the text of it. */
function isEventStream(response: ServerResponse): boolean {
  const head: unknown = Reflect.get(response, "_header");
  return (
    typeof head === "string" &&
    /^content-type: *text\/event-stream\b/im.test(head) &&
    !/^content-encoding:/im.test(head)
  );
}
