import { Gauge, type Registry } from "prom-client";
import type { Clock } from "../kernel/clock.ts";
import type { Freshness, RefreshingState } from "../kernel/refreshing.ts";

const allStates = ["empty", "fresh", "stale", "expired"] as const satisfies readonly Freshness[];

/**
 * Gauges over everything that is fetched and kept (trust anchors, CRLs, the server certificate, access tokens). They
 * are computed when somebody asks: an age that only moves when a fetch works would hide the very outage it is for.
 */
export function registerFreshness(
  registry: Registry,
  clock: Clock,
  read: () => readonly RefreshingState[],
): void {
  const registers = [registry];
  const age = new Gauge({
    name: "certgate_source_age_seconds",
    help: "Seconds since the last fetch that worked.",
    labelNames: ["source"],
    // Of several workers, the one that is worst off.
    aggregator: "max",
    registers,
    collect() {
      age.reset();
      for (const { name, fetchedAt } of read()) {
        if (fetchedAt !== undefined) age.set({ source: name }, (clock.now() - fetchedAt) / 1000);
      }
    },
  });
  const expiry = new Gauge({
    name: "certgate_source_expires_in_seconds",
    help: "Seconds until the value at hand may not be used any more; negative afterwards.",
    labelNames: ["source"],
    aggregator: "min",
    registers,
    collect() {
      expiry.reset();
      for (const { name, expiresAt } of read()) {
        if (expiresAt !== undefined) expiry.set({ source: name }, (expiresAt - clock.now()) / 1000);
      }
    },
  });
  const state = new Gauge({
    name: "certgate_source_state",
    help: "1 for the state that the source is in, 0 for the others.",
    labelNames: ["source", "state"],
    aggregator: "max",
    registers,
    collect() {
      state.reset();
      for (const { name, freshness } of read()) {
        for (const each of allStates) state.set({ source: name, state: each }, each === freshness ? 1 : 0);
      }
    },
  });
}
