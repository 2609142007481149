import type { ErrorCode } from "../kernel/error-catalogue.ts";
import type { Usage } from "./usage.ts";

/** The finished record of one request: the log line, the metrics and (later) the audit record are made from it. */
export interface Exchange {
  readonly requestId: string;
  /** Epoch ms of the request's arrival. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly method: string;
  /** The canonical path where the parse got that far; never the query, never the raw bytes. */
  readonly path?: string;
  readonly remoteAddress?: string;
  readonly client?: string;
  readonly thumbprint?: string;
  readonly operation?: string;
  readonly deployment?: string;
  /** The one that answered, or that was tried last. */
  readonly backend?: string;
  /** How many attempts were made at backends; absent where none was. */
  readonly attempts?: number;
  /** What the answer cost, where it is measured and said so. */
  readonly usage?: Usage;
  readonly decision: "allowed" | "denied";
  /** Why it was denied or why it failed; absent for an answer that the backend gave. */
  readonly reason?: ErrorCode;
  /** For the operator: the denial's detail or the fault with its causes. */
  readonly detail?: string;
  /** HTTP status sent; 499 when the caller left before an answer. */
  readonly status: number;
  /** Who made the answer. */
  readonly answeredBy: "gateway" | "backend";
}
