import type { Exchange } from "./exchange.ts";
import type { Usage } from "./usage.ts";

/** One try at one backend. An exchange has none (denied), one, or several (failover). */
export interface UpstreamAttempt {
  /** The backend's name in the configuration. */
  readonly backend: string;
  /** `answered` whatever the status was; `aborted` when the caller left first. */
  readonly outcome: "answered" | "unreachable" | "timeout" | "aborted";
  /** Milliseconds from the attempt's start to the answer's last byte, or to its failure. */
  readonly durationMs: number;
  /** Milliseconds from the attempt's start to the answer's head. Absent when none came. */
  readonly firstByteMs?: number;
}

/** What a good answer cost. */
export interface MeasuredUsage {
  /** As the configuration calls it. */
  readonly deployment: string | undefined;
  /** Undefined where it cannot be known: the answer broke off, or did not say. */
  readonly usage: Usage | undefined;
}

/**
 * What happens to a client connection. `accepted-on-stale-revocation` counts decisions, of soft mode, that rest on a
 * CRL after its end. The last two count disagreements of the two independent voices on a
 * presented chain: the TLS library refused what Certgate's own validation accepts, or the other way round.
 */
export type ConnectionEvent =
  | "opened"
  | "closed"
  | "handshake-failed"
  | "accepted-on-stale-revocation"
  | "refused-by-tls-only"
  | "refused-by-certgate-only";

/** What was turned away, or cut, so that the rest goes on. The words are those of `certgate_shed_total`. */
export const shedReasons = [
  "connections",
  "connections_per_source",
  "handshakes_per_source",
  "connections_per_client",
  "pipelined_requests",
  "request_late",
  "body_stalled",
  "answer_unread",
  "buffered_bytes",
  "buffered_bytes_per_client",
  "event_loop_lag",
] as const;
export type ShedReason = (typeof shedReasons)[number];

/** Where rooms count. The adapter stands in `telemetry/`. Every method is cheap and never throws. */
export interface Metrics {
  observe(exchange: Exchange): void;
  attempt(attempt: UpstreamAttempt): void;
  usage(measured: MeasuredUsage): void;
  connection(event: ConnectionEvent): void;
  /** The configuration was read again. */
  reload(outcome: "applied" | "unchanged" | "refused"): void;
  /** A connection or request was not served, for the sake of the others. */
  shed(reason: ShedReason): void;
}

/** Counts nothing: for `certgate explain` and for tests that do not look at metrics. */
export const silentMetrics: Metrics = {
  observe() {},
  attempt() {},
  usage() {},
  connection() {},
  reload() {},
  shed() {},
};
