import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import type { RefreshingState } from "../../../src/kernel/refreshing.ts";
import { registerFreshness } from "../../../src/telemetry/freshness-metrics.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function setUp(read: () => readonly RefreshingState[]) {
  const clock = new ManualClock(1_000_000);
  const registry = new Registry();
  registerFreshness(registry, clock, read);
  const samples = async () =>
    (await registry.metrics()).split("\n").filter((line) => line.startsWith("certgate_"));
  return { clock, samples };
}

describe("the freshness metrics", () => {
  it("tell age, end and state as they are at the scrape", async () => {
    const { clock, samples } = setUp(() => [
      { name: "token", freshness: "stale", fetchedAt: 940_000, expiresAt: 1_090_000 },
    ]);
    expect(await samples()).toEqual([
      'certgate_source_age_seconds{source="token"} 60',
      'certgate_source_expires_in_seconds{source="token"} 90',
      'certgate_source_state{source="token",state="empty"} 0',
      'certgate_source_state{source="token",state="fresh"} 0',
      'certgate_source_state{source="token",state="stale"} 1',
      'certgate_source_state{source="token",state="expired"} 0',
    ]);
    clock.sleep(120_000);
    const later = await samples();
    expect(later).toContain('certgate_source_age_seconds{source="token"} 180');
    expect(later).toContain('certgate_source_expires_in_seconds{source="token"} -30');
  });

  it("tell no age of what was never fetched, but its state", async () => {
    const { samples } = setUp(() => [{ name: "crl", freshness: "empty" }]);
    expect(await samples()).toHaveLength(4);
    expect(await samples()).toContain('certgate_source_state{source="crl",state="empty"} 1');
  });

  it("forget a source that is gone", async () => {
    const states: RefreshingState[] = [{ name: "old", freshness: "fresh", fetchedAt: 1 }];
    const { samples } = setUp(() => states);
    expect(await samples()).not.toEqual([]);
    states.pop();
    expect(await samples()).toEqual([]);
  });
});
