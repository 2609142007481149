import type { IncomingMessage, ServerResponse } from "node:http";
import type { ByteLoan, Taken } from "../kernel/byte-budget.ts";
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
 * @param memory of which every byte is taken before it is kept; given back when the answer is over, because until then the
 * body may be sent again
 * @returns at once what has come with its head
 * @throws CallerLeft when the connection ends first
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
  memory: ByteLoan,
  deadlineMs = 120_000,
): Verdict<Uint8Array> | Promise<Verdict<Uint8Array>> {
  const declared = request.headers["content-length"];
  if (declared !== undefined && Number(declared) > limit) return tooLarge(limit);
  response.on("close", () => memory.giveBack());
  return request.complete
    ? readComplete(request, limit, memory)
    : receiveBody(request, response, limit, memory, deadlineMs);
}

/** It is still on its way. */
async function receiveBody(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
  memory: ByteLoan,
  deadlineMs: number,
): Promise<Verdict<Uint8Array>> {
  // It left while something else was waited for, and does not leave once more.
  if (request.destroyed) throw new CallerLeft();
  // Only now may a client that asked first send its body.
  if (request.headers.expect !== undefined) response.writeContinue();
  const { promise, resolve, reject } = Promise.withResolvers<Verdict<Uint8Array>>();
  const deadline = setTimeout(() => {
    request.pause();
    resolve(deny("request_malformed", "The body took too long to arrive."));
  }, deadlineMs);
  const held = new HeldBytes();
  request.on("data", (chunk: Uint8Array) => {
    const refusal = refusalOf(chunk, held, limit, memory);
    if (refusal === undefined) {
      held.push(chunk);
      return;
    }
    request.pause();
    held.drop();
    memory.giveBack();
    resolve(refusal);
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
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
  }
}

/** Most bodies have come with their heads: there is nothing to wait for. */
function readComplete(request: IncomingMessage, limit: number, memory: ByteLoan): Verdict<Uint8Array> {
  const held = new HeldBytes();
  // Node gives one piece at a time.
  for (let piece = read(request); piece !== null; piece = read(request)) {
    const refusal = refusalOf(piece, held, limit, memory);
    if (refusal !== undefined) {
      memory.giveBack();
      return refusal;
    }
    held.push(piece);
  }
  return allow(held.take());
}

const read = (request: IncomingMessage) => request.read() as Buffer | null;

const refusalOf = (piece: Uint8Array, held: HeldBytes, limit: number, memory: ByteLoan): Denied | undefined =>
  held.length + piece.length > limit ? tooLarge(limit) : noRoom(memory.take(piece.length));

/** Why bytes must not be kept; undefined when they may. */
export function noRoom(taken: Taken): Denied | undefined {
  if (taken === "taken") return undefined;
  return taken === "full"
    ? deny("overloaded", "Too much is being held for all clients together.")
    : deny("bodies_exceeded", "As much is being held for it as may be for one client.");
}

export const tooLarge = (limit: number): Denied =>
  deny("body_too_large", `The body may have at most ${limit} bytes.`);
