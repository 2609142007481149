import type { EventEmitter } from "node:events";
import { CallerLeft } from "./read-body.ts";

/**
 * Waits for something on behalf of a caller, and stops waiting when the caller leaves.
 * @param caller the response or the socket that ends with the caller
 * @throws CallerLeft, or what the wait threw
 */
export async function whilePresent<T>(
  caller: EventEmitter & { readonly destroyed: boolean },
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (caller.destroyed) throw new CallerLeft();
  const leaving = new AbortController();
  const onClose = () => leaving.abort(new CallerLeft());
  caller.once("close", onClose);
  try {
    const got = await wait(leaving.signal);
    // It does not close once more for who waits for that now.
    if (caller.destroyed) throw new CallerLeft();
    return got;
  } finally {
    caller.off("close", onClose);
  }
}
