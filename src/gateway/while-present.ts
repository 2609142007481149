import type { EventEmitter } from "node:events";
import { CallerLeft } from "./read-body.ts";

/**
 * Waits for something on behalf of a caller, and stops waiting when the caller leaves.
 * @param caller the response or the socket that ends with the caller
 * @param drop what has come for a caller who left meanwhile
 * @throws CallerLeft, or what the wait threw
 */
export async function whilePresent<T>(
  caller: EventEmitter & { readonly destroyed: boolean },
  wait: (signal: AbortSignal) => Promise<T>,
  drop?: (got: T) => void,
): Promise<T> {
  if (caller.destroyed) throw new CallerLeft();
  const leaving = new AbortController();
  const onClose = () => leaving.abort(new CallerLeft());
  caller.once("close", onClose);
  try {
    const got = await wait(leaving.signal);
    if (!caller.destroyed) return got;
    // It does not close once more for who waits for that from now on.
    drop?.(got);
    throw new CallerLeft();
  } finally {
    caller.off("close", onClose);
  }
}
