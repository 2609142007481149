import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { discardRest } from "../gateway/receive-rest.ts";
import { describeError, type ErrorCode } from "../kernel/error-catalogue.ts";
import type { BackendAnswer } from "../model/verdict.ts";

/** A refusal as its caller gets it. `detail` is about the caller's own input only. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly detail?: string;
  readonly retryAfterSeconds?: number;
  /** Answered so instead; `detail` is not sent. The code still stands in the header. */
  readonly inBackendsWords?: BackendAnswer;
}

interface Rendered {
  readonly status: number;
  readonly headers: string[];
  readonly body: string;
}

/** The answer's status, headers and body: the shape that OpenAI clients print. */
function render(refusal: Refusal, requestId: string): Rendered {
  const { code, retryAfterSeconds, inBackendsWords } = refusal;
  const entry = describeError(code);
  const body = `${JSON.stringify(inBackendsWords === undefined ? ownBody(refusal, requestId) : bodyInWords(inBackendsWords))}\n`;
  const headers = [
    "content-type",
    "application/json",
    "content-length",
    String(Buffer.byteLength(body)),
    "cache-control",
    "no-store",
    "x-certgate-reason",
    code,
    "x-certgate-request-id",
    requestId,
    "x-certgate-answered-by",
    "gateway",
  ];
  const retryAfter = retryAfterSeconds ?? entry.retryAfterSeconds;
  if (retryAfter !== undefined) headers.push("retry-after", String(Math.ceil(retryAfter)));
  return { status: inBackendsWords?.status ?? entry.status, headers, body };
}

function ownBody({ code, detail }: Refusal, requestId: string): object {
  const { message: sentence, type } = describeError(code);
  const message = detail === undefined ? sentence : `${sentence} ${detail}`;
  return { error: { code, message, type, param: null }, request_id: requestId };
}

/** No field more than a backend would send. */
const bodyInWords = ({ message, param, code }: BackendAnswer): object => ({
  error: { message, type: "invalid_request_error", param, code },
});

/** How long the other side may take to end a connection that is closing. */
const lingerMs = 1000;

/**
 * Answers with a refusal. The connection closes when the caller is not trusted, or when body bytes are unread: what
 * follows on the connection could not be told from a request.
 * @returns the status sent
 */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  requestId: string,
  connection: "close" | "keep",
): number {
  const { status, headers, body } = render(refusal, requestId);
  const unread = !request.complete && hasBody(request);
  if (connection === "close" || unread) headers.push("connection", "close");
  response.writeHead(status, headers);
  if (!unread) {
    response.end(body);
    return status;
  }
  // Closing with unread bytes in the kernel resets the connection and can destroy the answer on its way: the whole
  // answer is written, then a bounded rest of the body is thrown away, then the connection ends.
  response.write(body);
  discardRest(request, () => response.end());
  return status;
}

/** Answers with a refusal where there is no response object: an upgrade, or a request that does not parse. */
export function refuseOnSocket(socket: Duplex, refusal: Refusal, requestId: string): number {
  const { status, headers, body } = render(refusal, requestId);
  return answerOnSocket(socket, status, headers, Buffer.from(body));
}

/**
 * Writes a whole answer where there is no response object, and closes the connection.
 * @param headers flat raw pairs without those that frame the body, but for `content-length`
 * @returns the status sent
 */
export function answerOnSocket(
  socket: Duplex,
  status: number,
  headers: readonly string[],
  body: Uint8Array,
): number {
  if (socket.writable) {
    const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`];
    for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
    socket.write(`${lines.join("\r\n")}\r\nconnection: close\r\n\r\n`, "latin1");
    socket.end(body);
    // Node leaves such a socket half open, and no timeout of its server looks after it any more.
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once("close", () => clearTimeout(timer));
    socket.resume();
  } else socket.destroy();
  return status;
}

const hasBody = (request: IncomingMessage): boolean =>
  request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
