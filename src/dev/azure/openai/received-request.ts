import type { IncomingMessage, ServerResponse } from "node:http";

/** A request exactly as it arrived, for tests that compare it with what was authorised. */
export interface ReceivedRequest {
  readonly method: string;
  /** The raw request target. */
  readonly url: string;
  /** Names and values alternating, as sent, duplicates included. */
  readonly rawHeaders: readonly string[];
  /** The value of a header, lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** Every byte of the body; rejects when the sender broke off. */
  readonly body: Promise<Buffer>;
  /** How it ended: answered to the last byte, or the other side left before. */
  readonly outcome: Promise<"answered" | "aborted">;
  /** Bytes of the answer's body that were given to the connection so far. */
  readonly sentBytes: () => number;
}

/** Starts to record; the body is read whether or not anybody awaits it. */
export function receive(
  request: IncomingMessage,
  response: ServerResponse,
  sentBytes: () => number,
): ReceivedRequest {
  const body = readBody(request);
  // A test that does not look at the body must not die of its abort.
  body.catch(() => {});
  const { promise: outcome, resolve } = Promise.withResolvers<"answered" | "aborted">();
  response.once("close", () => resolve(response.writableFinished ? "answered" : "aborted"));
  return {
    method: request.method ?? "",
    url: request.url ?? "",
    rawHeaders: [...request.rawHeaders],
    header: (name) => request.headers[name]?.toString(),
    body,
    outcome,
    sentBytes,
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}
