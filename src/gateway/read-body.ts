import type { IncomingMessage, ServerResponse } from "node:http";
import { allow, deny, type Denied, type Verdict } from "../model/verdict.ts";
import { HeldBytes } from "./held-bytes.ts";

/** Thrown out of a wait when the caller has gone; there is nobody left to answer. */
export class CallerLeft extends Error {
  constructor() {
    super("the caller left");
    this.name = "CallerLeft";
  }
}

/**
 * Reads a whole body, at most `limit` bytes, within a bounded time. A declared length over the limit is refused before
 * a byte is read.
 * @throws CallerLeft when the connection ends first
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
  deadlineMs = 120_000,
): Promise<Verdict<Uint8Array>> {
  const declared = request.headers["content-length"];
  if (declared !== undefined && Number(declared) > limit) return tooLarge(limit);
  // Only now may a client that asked first send its body.
  if (request.headers.expect !== undefined) response.writeContinue();
  const { promise, resolve, reject } = Promise.withResolvers<Verdict<Uint8Array>>();
  const deadline = setTimeout(() => {
    request.pause();
    resolve(deny("request_malformed", "The body took too long to arrive."));
  }, deadlineMs);
  const held = new HeldBytes();
  request.on("data", (chunk: Uint8Array) => {
    if (held.length + chunk.length > limit) {
      request.pause();
      resolve(tooLarge(limit));
    } else held.push(chunk);
  });
  let ended = false;
  request.once("end", () => {
    ended = true;
    resolve(allow(held.take()));
  });
  // Also after the end, where nobody waits any more: an error, with its stack, is made only for somebody.
  const left = () => {
    if (!ended) reject(new CallerLeft());
  };
  request.once("error", left);
  request.once("close", left);
  return promise.finally(() => clearTimeout(deadline));
}

export const tooLarge = (limit: number): Denied =>
  deny("body_too_large", `The body may have at most ${limit} bytes.`);
