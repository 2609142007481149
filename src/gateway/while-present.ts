import type { ServerResponse } from "node:http";
import { CallerLeft } from "./read-body.ts";

/**
 * Waits for something on behalf of a caller, and stops waiting when the caller leaves.
 * @throws CallerLeft, or what the wait threw
 */
export async function whilePresent<T>(
  response: ServerResponse,
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (response.destroyed) throw new CallerLeft();
  const leaving = new AbortController();
  const onClose = () => leaving.abort(new CallerLeft());
  response.once("close", onClose);
  try {
    return await wait(leaving.signal);
  } finally {
    response.off("close", onClose);
  }
}
