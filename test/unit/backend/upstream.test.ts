import { describe, expect, it } from "vitest";
import { CircuitBreaker } from "../../../src/backend/circuit-breaker.ts";
import { type BackendLoad, Upstream } from "../../../src/backend/upstream.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const load: BackendLoad = { backend: "main", concurrency: 2, outstanding: 0 };
const upstream = (name: string) =>
  new Upstream(
    name,
    load,
    new CircuitBreaker({ failures: 1, openMs: 1, maxOpenMs: 1, slowStartMs: 0 }, new ManualClock(), () => 0),
  );

describe("a deployment at a backend", () => {
  it("shares the backend's limit with the other deployments there", () => {
    const [one, other] = [upstream("one"), upstream("other")];
    const leases = [one.begin(), other.begin()];
    expect([one.outstanding, other.outstanding, one.isFull, other.isFull]).toEqual([1, 1, true, true]);
    for (const lease of leases) lease.end();
    expect([one.outstanding, load.outstanding, one.isFull]).toEqual([0, 0, false]);
  });

  it("counts an attempt once, however often it ends", () => {
    const one = upstream("one");
    const lease = one.begin();
    lease.end();
    lease.end();
    expect([one.outstanding, load.outstanding]).toEqual([0, 0]);
  });

  it("learns nothing from an attempt that ended without a word", () => {
    const one = upstream("one");
    one.begin().end();
    expect(one.state()).toEqual({ backend: "main", deployment: "one", outstanding: 0, state: "closed" });
    const failed = one.begin();
    failed.tell({ kind: "unsent" });
    failed.end();
    expect(one.state().state).toBe("open");
  });
});
