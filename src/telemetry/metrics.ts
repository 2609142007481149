import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Clock } from "../kernel/clock.ts";
import type { RefreshingState } from "../kernel/refreshing.ts";
import type { UpstreamState } from "../model/upstream-state.ts";
import type { Exchange } from "../model/exchange.ts";
import { type Metrics, shedReasons } from "../model/metrics.ts";
import { registerCircuits } from "./circuit-metrics.ts";
import { registerFreshness } from "./freshness-metrics.ts";
import { DurationTally, Tally } from "./tallies.ts";

/** The counting port, and the page that a Prometheus server reads. */
export interface ProcessMetrics extends Metrics {
  readonly contentType: string;
  /** The Prometheus text exposition of this moment. */
  render(): Promise<string>;
  /** The same as plain data, to be summed with that of other processes. */
  snapshot(): Promise<MetricsSnapshot>;
}

/** What another process can make a part of its page, after any way that keeps plain data. */
export type MetricsSnapshot = readonly object[];

export interface MetricsOptions {
  /** Certgate's own version, for `certgate_build_info`. */
  readonly version: string;
  readonly clock: Clock;
  /** Read at each scrape: the state of everything that is fetched and kept. */
  readonly freshness?: () => readonly RefreshingState[];
  /** Read at each scrape: what is known of each place at which requests arrive. */
  readonly upstreams?: () => readonly UpstreamState[];
  /** Read at each scrape: bytes of bodies that are held. */
  readonly bufferedBytes?: () => number;
}

/**
 * Label values come from the configuration and from fixed lists, never from a caller. This bounds the series even
 * so: beyond it a new value counts as `other`, and memory stays where it is.
 */
const mostValuesOfALabel = 1000;

/** A registry of its own: two gateways in one process (as in tests) do not share a number. */
export function createMetrics(options: MetricsOptions): ProcessMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "certgate_build_info",
    help: "Always 1; the labels tell what runs.",
    labelNames: ["version", "node"],
    aggregator: "first",
    registers,
  }).set({ version: options.version, node: process.versions.node }, 1);
  registerFreshness(registry, options.clock, options.freshness ?? (() => []));
  registerCircuits(registry, options.upstreams ?? (() => []));
  const observe = requestMetrics(registers);
  const attempt = upstreamMetrics(registers);
  const usage = usageMetrics(registers);
  const connection = connectionMetrics(registers);
  const reload = reloadMetrics(registers);
  const shed = loadMetrics(registers, options.bufferedBytes ?? (() => 0));
  return {
    observe,
    attempt,
    usage,
    connection,
    reload,
    shed,
    contentType: registry.contentType,
    render: () => registry.metrics(),
    snapshot: () => registry.getMetricsAsJSON(),
  };
}

function requestMetrics(registers: Registry[]): Metrics["observe"] {
  const requests = new Tally({
    name: "certgate_requests_total",
    help: "Finished requests.",
    labelNames: ["client", "operation", "decision", "reason", "status"],
    registers,
  });
  const durations = new DurationTally({
    name: "certgate_request_duration_seconds",
    help: "From a request's arrival to the end of its answer.",
    labelNames: ["operation", "decision"],
    registers,
  });
  const clientLabel = boundedLabel();
  const operationLabel = boundedLabel();
  return (exchange: Exchange) => {
    const operation = operationLabel(exchange.operation);
    const { decision, reason = "", status } = exchange;
    // Set only for callers whom the client map knows: an unknown caller cannot make a series.
    const client = clientLabel(exchange.client);
    requests.add([client, operation, decision, reason, status]);
    durations.add([operation, decision], exchange.durationMs);
  };
}

function upstreamMetrics(registers: Registry[]): Metrics["attempt"] {
  const durations = new DurationTally({
    name: "certgate_upstream_duration_seconds",
    help: "From an attempt's start to the end of the backend's answer, or to the attempt's failure.",
    labelNames: ["backend", "outcome"],
    registers,
  });
  const firstBytes = new DurationTally({
    name: "certgate_upstream_first_byte_seconds",
    help: "From an attempt's start to the head of the backend's answer.",
    labelNames: ["backend"],
    registers,
  });
  return ({ backend, outcome, durationMs, firstByteMs }) => {
    durations.add([backend, outcome], durationMs);
    if (firstByteMs !== undefined) firstBytes.add([backend], firstByteMs);
  };
}

function usageMetrics(registers: Registry[]): Metrics["usage"] {
  const tokens = new Tally({
    name: "certgate_tokens_total",
    help: "Tokens of answers whose backend said how many they cost.",
    labelNames: ["deployment", "direction"],
    registers,
  });
  const unknown = new Counter({
    name: "certgate_usage_unknown_total",
    help: "Good answers of measured operations that broke off or did not say what they cost.",
    labelNames: ["deployment"],
    registers,
  });
  const deploymentLabel = boundedLabel();
  return (measured) => {
    const deployment = deploymentLabel(measured.deployment);
    if (measured.usage === undefined) return unknown.inc({ deployment });
    tokens.add([deployment, "input"], measured.usage.inputTokens);
    tokens.add([deployment, "output"], measured.usage.outputTokens);
  };
}

function reloadMetrics(registers: Registry[]): Metrics["reload"] {
  const reloads = new Counter({
    name: "certgate_configuration_reloads_total",
    help: "How often the configuration was read again, and what came of it.",
    labelNames: ["outcome"],
    registers,
  });
  for (const outcome of ["applied", "unchanged", "refused"]) reloads.inc({ outcome }, 0);
  return (outcome) => reloads.inc({ outcome });
}

function loadMetrics(registers: Registry[], bufferedBytes: () => number): Metrics["shed"] {
  const buffered: Gauge = new Gauge({
    name: "certgate_buffered_bytes",
    help: "Bytes of request bodies that are held now.",
    registers,
    collect() {
      buffered.set(bufferedBytes());
    },
  });
  const shed = new Counter({
    name: "certgate_shed_total",
    help: "Connections and requests that were turned away or cut, so that the rest goes on.",
    labelNames: ["reason"],
    registers,
  });
  for (const reason of shedReasons) shed.inc({ reason }, 0);
  return (reason) => shed.inc({ reason });
}

function connectionMetrics(registers: Registry[]): Metrics["connection"] {
  const open = new Gauge({
    name: "certgate_connections",
    help: "Client connections open now, after their TLS handshake.",
    registers,
  });
  const handshakeErrors = new Counter({
    name: "certgate_tls_handshake_errors_total",
    help: "TLS handshakes that failed before Certgate could decide anything.",
    registers,
  });
  const disagreements = new Counter({
    name: "certgate_verdict_disagreements_total",
    help: "Presented chains that one of the two validators refused and the other accepted; the request was refused.",
    labelNames: ["refused_by"],
    registers,
  });
  const stale = new Counter({
    name: "certgate_stale_revocation_total",
    help: "Decisions that accepted a certificate on a CRL that is out of date, within the grace of soft mode.",
    registers,
  });
  // Both series exist from the start, so that an alert on their increase sees the first one.
  disagreements.inc({ refused_by: "tls" }, 0);
  disagreements.inc({ refused_by: "certgate" }, 0);
  return (event) => {
    switch (event) {
      case "opened":
        return open.inc();
      case "closed":
        return open.dec();
      case "handshake-failed":
        return handshakeErrors.inc();
      case "accepted-on-stale-revocation":
        return stale.inc();
      case "refused-by-tls-only":
        return disagreements.inc({ refused_by: "tls" });
      case "refused-by-certgate-only":
        return disagreements.inc({ refused_by: "certgate" });
    }
  };
}

function boundedLabel(): (value: string | undefined) => string {
  const seen = new Set<string>();
  return (value = "") => {
    if (seen.has(value)) return value;
    if (seen.size >= mostValuesOfALabel) return "other";
    seen.add(value);
    return value;
  };
}
