import { describe, expect, it } from "vitest";
import { createFleetMetrics } from "../../../src/telemetry/fleet-metrics.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const clock = new ManualClock();

/** One worker's metrics; `age`: seconds since it fetched its one source. */
function worker(age = 0) {
  return createMetrics({
    version: "1.2.3",
    clock,
    freshness: () => [
      {
        name: "root",
        freshness: age > 100 ? "stale" : "fresh",
        fetchedAt: clock.now() - age * 1000,
        expiresAt: clock.now() + 1_000_000 - age * 1000,
      },
    ],
  });
}

/** What it sends, as the channel between processes leaves it. */
const snapshotOf = async (metrics: ReturnType<typeof worker>) => structuredClone(await metrics.snapshot());
const fleet = () => createFleetMetrics(() => ({ phases: { ready: 2, waiting: 1 }, restarts: 4 }));

describe("createFleetMetrics", () => {
  it("adds up counts, and takes of each gauge what it means", async () => {
    const [one, two] = [worker(10), worker(200)];
    for (const [metrics, times] of [
      [one, 3],
      [two, 4],
    ] as const)
      for (let at = 0; at < times; at += 1) metrics.connection("opened");
    one.connection("handshake-failed");
    two.connection("handshake-failed");
    two.attempt({ backend: "main", outcome: "answered", durationMs: 40 });
    const page = await fleet().render(
      new Map([
        [one, await snapshotOf(one)],
        [two, await snapshotOf(two)],
      ]),
    );
    const lines = page.split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "certgate_connections 7",
        "certgate_tls_handshake_errors_total 2",
        'certgate_source_age_seconds{source="root"} 200',
        'certgate_source_expires_in_seconds{source="root"} 800',
        'certgate_source_state{source="root",state="fresh"} 1',
        'certgate_source_state{source="root",state="stale"} 1',
        'certgate_source_state{source="root",state="expired"} 0',
        'certgate_upstream_duration_seconds_count{backend="main",outcome="answered"} 1',
        'certgate_workers{phase="ready"} 2',
        'certgate_workers{phase="waiting"} 1',
        "certgate_worker_restarts_total 4",
      ]),
    );
    expect(lines.find((line) => line.startsWith("certgate_build_info"))).toMatch(/version="1.2.3".* 1$/);
  });

  it("goes on counting what a worker had counted that is gone", async () => {
    const metrics = fleet();
    const [one, two] = [worker(), worker()];
    one.connection("handshake-failed");
    one.connection("opened");
    two.connection("handshake-failed");
    await metrics.render(
      new Map([
        [one, await snapshotOf(one)],
        [two, await snapshotOf(two)],
      ]),
    );
    metrics.gone(one);
    const successor = worker();
    successor.connection("handshake-failed");
    const now = async () =>
      metrics.render(
        new Map([
          [two, await snapshotOf(two)],
          [successor, await snapshotOf(successor)],
        ]),
      );
    for (const page of [await now(), await now()]) {
      expect(page).toContain("\ncertgate_tls_handshake_errors_total 3\n");
      // Its connections are gone with it.
      expect(page).toContain("\ncertgate_connections 0\n");
    }
    metrics.gone(two);
    expect(await metrics.render(new Map([[successor, await snapshotOf(successor)]]))).toContain(
      "\ncertgate_tls_handshake_errors_total 3\n",
    );
  });

  it("takes the last numbers of a worker that does not answer", async () => {
    const metrics = fleet();
    const one = worker();
    one.connection("opened");
    await metrics.render(new Map([[one, await snapshotOf(one)]]));
    expect(await metrics.render(new Map([[one, undefined]]))).toContain("\ncertgate_connections 1\n");
  });

  it("counts once what a worker had counted that ended while a page was being made", async () => {
    const metrics = fleet();
    const one = worker();
    one.connection("handshake-failed");
    const snapshots = new Map([[one, await snapshotOf(one)]]);
    await metrics.render(snapshots);
    // It has answered; others have not yet, and meanwhile it ends.
    metrics.gone(one);
    for (const page of [await metrics.render(snapshots), await metrics.render(new Map())])
      expect(page).toContain("\ncertgate_tls_handshake_errors_total 1\n");
  });

  it("never falls, also when several ask at the same time while workers end", async () => {
    const metrics = fleet();
    const workers = Array.from({ length: 3 }, () => worker());
    const snapshots = new Map();
    for (const one of workers) {
      one.connection("handshake-failed");
      snapshots.set(one, await snapshotOf(one));
    }
    await metrics.render(snapshots);
    const pages: Promise<string>[] = [];
    for (const one of workers) {
      metrics.gone(one);
      pages.push(metrics.render(new Map()), metrics.render(new Map()));
    }
    pages.push(metrics.render(new Map()));
    for (const page of await Promise.all(pages))
      expect(page).toContain("\ncertgate_tls_handshake_errors_total 3\n");
  });
});
