import { describe, expect, it } from "vitest";
import { createRenewalGate, unlessAborted } from "../../../src/credential/renewal-gate.ts";
import { ManualClock } from "../../support/manual-clock.ts";

describe("a renewal that a backend asks for", () => {
  it("is let through once in thirty seconds", async () => {
    const clock = new ManualClock();
    const gate = createRenewalGate(clock);
    expect([gate.tryPass(), gate.tryPass()]).toEqual([true, false]);
    await clock.advance(29_999);
    expect(gate.tryPass()).toBe(false);
    await clock.advance(1);
    expect(gate.tryPass()).toBe(true);
  });

  it("is let through again after thirty seconds, though the clock is set back", () => {
    const clock = new ManualClock();
    const gate = createRenewalGate(clock);
    gate.tryPass();
    clock.set(-86_400_000);
    clock.sleep(30_000);
    expect(gate.tryPass()).toBe(true);
  });

  it("runs once at a time", () => {
    const gate = createRenewalGate(new ManualClock());
    let runs = 0;
    const run = () => {
      runs += 1;
      return new Promise(() => {});
    };
    gate.renew(run);
    gate.renew(run);
    expect(runs).toBe(1);
  });

  it("that hangs is not waited for longer than three seconds", async () => {
    const clock = new ManualClock();
    const gate = createRenewalGate(clock);
    gate.renew(() => new Promise(() => {}));
    const waited = gate.underWay();
    await clock.advance(3000);
    await waited;
    expect(gate.underWay()).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it("that fails is over, and leaves no timer", async () => {
    const clock = new ManualClock();
    const gate = createRenewalGate(clock);
    gate.renew(() => Promise.reject(new Error("no")));
    await gate.underWay();
    expect(gate.underWay()).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it("is not waited for by who leaves", async () => {
    const leaving = new AbortController();
    const waiting = unlessAborted(new Promise(() => {}), leaving.signal);
    leaving.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
  });
});
