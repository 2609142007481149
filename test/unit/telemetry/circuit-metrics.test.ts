import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import type { UpstreamState } from "../../../src/model/upstream-state.ts";
import { registerCircuits } from "../../../src/telemetry/circuit-metrics.ts";

describe("the gauges of circuits", () => {
  it("tell the state and what is under way now, and forget what is not there any more", async () => {
    let states: UpstreamState[] = [
      {
        backend: "main",
        deployment: "gpt",
        outstanding: 3,
        state: "open",
        reason: "failing",
        seen: "500",
        until: 1,
      },
    ];
    const registry = new Registry();
    registerCircuits(registry, () => states);
    const before = await registry.metrics();
    expect(before).toContain('certgate_backend_circuit{backend="main",deployment="gpt",state="open"} 1');
    expect(before).toContain('certgate_backend_circuit{backend="main",deployment="gpt",state="closed"} 0');
    expect(before).toContain('certgate_backend_outstanding{backend="main",deployment="gpt"} 3');
    states = [];
    expect(await registry.metrics()).not.toContain('backend="main"');
  });
});
