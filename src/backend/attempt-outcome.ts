/**
 * How an attempt went, as far as its backend is concerned. `unsent`: not a byte of the request reached it (no
 * connection, no TLS). `timeout`: sent, and no head in time. `broken`: the connection ended before the head did, or the
 * body stopped before its end.
 */
export type AttemptOutcome =
  | { readonly kind: "answered"; readonly status: number; readonly headers: readonly string[] }
  | { readonly kind: "unsent" }
  | { readonly kind: "timeout" }
  | { readonly kind: "broken" };

/** Statuses by which a backend says that it failed, not that the request was wrong. */
const failing: ReadonlySet<number> = new Set([408, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]);

export const isFailingStatus = (status: number): boolean => failing.has(status);
