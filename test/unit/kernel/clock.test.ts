import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/kernel/clock.ts";

/** Long enough for every timer of up to 1 ms to have fired: timers fire in the order of their times. */
const afterDueTimers = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("systemClock", () => {
  it("tells the system's time", () => {
    const before = Date.now();
    const now = systemClock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  it("calls once after the wait", async () => {
    const ran = Promise.withResolvers<number>();
    const start = performance.now();
    // The clock's own timer keeps no process alive; this one does, for the test.
    const alive = setInterval(() => {}, 1000);
    systemClock.after(20, () => ran.resolve(performance.now() - start));
    expect(await ran.promise).toBeGreaterThanOrEqual(19);
    clearInterval(alive);
  });

  it("does not call after a cancel, and a second cancel does nothing", async () => {
    let calls = 0;
    const cancel = systemClock.after(0, () => (calls += 1));
    cancel();
    cancel();
    await afterDueTimers();
    expect(calls).toBe(0);
  });

  it("does not call at once for a wait beyond the longest timer", async () => {
    let calls = 0;
    const cancel = systemClock.after(2 ** 40, () => (calls += 1));
    await afterDueTimers();
    expect(calls).toBe(0);
    cancel();
  });
});
