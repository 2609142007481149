import { describe, expect, it } from "vitest";
import type { Exchange } from "../../../src/model/exchange.ts";
import { createMetrics, type ProcessMetrics } from "../../../src/telemetry/metrics.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const exchange: Exchange = {
  requestId: "r-1",
  startedAt: 0,
  durationMs: 200,
  method: "POST",
  client: "scanner",
  operation: "chat-completions",
  decision: "allowed",
  status: 200,
  answeredBy: "backend",
};

const create = () => createMetrics({ version: "1.2.3", clock: new ManualClock() });

/** The samples of Certgate's own metrics, without comments and without histogram buckets. */
async function samples(metrics: ProcessMetrics): Promise<string[]> {
  const lines = (await metrics.render()).split("\n");
  return lines.filter((line) => line.startsWith("certgate_") && !line.includes("_bucket"));
}

describe("createMetrics", () => {
  it("counts requests by client, operation, decision, reason and status", async () => {
    const metrics = create();
    metrics.observe(exchange);
    metrics.observe(exchange);
    metrics.observe({ ...exchange, decision: "denied", reason: "deployment_not_permitted", status: 403 });
    const lines = await samples(metrics);
    const requests = lines.filter((line) => line.startsWith("certgate_requests_total"));
    expect(requests).toEqual([
      'certgate_requests_total{client="scanner",operation="chat-completions",decision="allowed",reason="",status="200"} 2',
      'certgate_requests_total{client="scanner",operation="chat-completions",decision="denied",reason="deployment_not_permitted",status="403"} 1',
    ]);
  });

  it("leaves labels empty for callers and operations that nobody knows", async () => {
    const metrics = create();
    metrics.observe({
      requestId: "r-2",
      startedAt: 0,
      durationMs: 1,
      method: "GET",
      thumbprint: "ab".repeat(32),
      deployment: "guessed",
      decision: "denied",
      reason: "client_unknown",
      status: 403,
      answeredBy: "gateway",
    });
    const text = await metrics.render();
    expect(text).toContain(
      '{client="",operation="",decision="denied",reason="client_unknown",status="403"} 1',
    );
    expect(text).not.toContain("guessed");
    expect(text).not.toContain("abab");
  });

  it("stops making series when a label has too many values", async () => {
    const metrics = create();
    for (let n = 0; n < 3000; n += 1) metrics.observe({ ...exchange, client: `client-${n}` });
    const lines = (await samples(metrics)).filter((line) => line.startsWith("certgate_requests_total"));
    expect(lines).toHaveLength(1001);
    expect(lines.at(-1)).toMatch(/client="other".* 2000$/);
  });

  it("puts durations into buckets in seconds", async () => {
    const metrics = create();
    metrics.observe(exchange);
    const text = await metrics.render();
    const labels = 'operation="chat-completions",decision="allowed"';
    expect(text).toContain(`certgate_request_duration_seconds_bucket{le="0.1",${labels}} 0`);
    expect(text).toContain(`certgate_request_duration_seconds_bucket{le="0.25",${labels}} 1`);
    expect(text).toContain(`certgate_request_duration_seconds_sum{${labels}} 0.2`);
  });

  it("counts tokens by deployment and direction, and answers of which they are not known", async () => {
    const metrics = create();
    metrics.usage({
      deployment: "haiku",
      usage: { inputTokens: 12, outputTokens: 30, cachedInputTokens: 10 },
    });
    metrics.usage({ deployment: "haiku", usage: { inputTokens: 1, outputTokens: 0 } });
    metrics.usage({ deployment: "haiku", usage: undefined });
    const lines = (await samples(metrics)).filter((line) => /tokens|usage/.test(line));
    expect(lines).toEqual([
      'certgate_tokens_total{deployment="haiku",direction="input"} 13',
      'certgate_tokens_total{deployment="haiku",direction="output"} 30',
      'certgate_usage_unknown_total{deployment="haiku"} 1',
    ]);
  });

  it("measures attempts, and a first byte only where one came", async () => {
    const metrics = create();
    metrics.attempt({ backend: "east", outcome: "answered", durationMs: 900, firstByteMs: 300 });
    metrics.attempt({ backend: "east", outcome: "timeout", durationMs: 2000 });
    const lines = await samples(metrics);
    expect(lines).toContain('certgate_upstream_duration_seconds_count{backend="east",outcome="answered"} 1');
    expect(lines).toContain('certgate_upstream_duration_seconds_sum{backend="east",outcome="timeout"} 2');
    expect(lines).toContain('certgate_upstream_first_byte_seconds_count{backend="east"} 1');
    expect(lines).toContain('certgate_upstream_first_byte_seconds_sum{backend="east"} 0.3');
  });

  it("counts connections, failed handshakes and disagreements", async () => {
    const metrics = create();
    for (const event of ["opened", "opened", "closed", "handshake-failed", "refused-by-tls-only"] as const) {
      metrics.connection(event);
    }
    const lines = await samples(metrics);
    expect(lines).toContain("certgate_connections 1");
    expect(lines).toContain("certgate_tls_handshake_errors_total 1");
    expect(lines).toContain('certgate_verdict_disagreements_total{refused_by="tls"} 1');
    expect(lines).toContain('certgate_verdict_disagreements_total{refused_by="certgate"} 0');
    metrics.connection("refused-by-certgate-only");
    expect(await samples(metrics)).toContain('certgate_verdict_disagreements_total{refused_by="certgate"} 1');
  });

  it("tells what runs, and the process's own numbers", async () => {
    const text = await create().render();
    expect(text).toContain(`certgate_build_info{version="1.2.3",node="${process.versions.node}"} 1`);
    expect(text).toContain("process_resident_memory_bytes ");
  });

  it("shares no number with another registry in the process", async () => {
    const [one, other] = [create(), create()];
    one.observe(exchange);
    expect(await other.render()).not.toContain("certgate_requests_total{");
  });

  it("names the content type that Prometheus expects", () => {
    expect(create().contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });
});
