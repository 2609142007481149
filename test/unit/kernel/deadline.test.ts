import { beforeEach, describe, expect, it } from "vitest";
import { Deadline, whenPassed } from "../../../src/kernel/deadline.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let clock: ManualClock;
let deadline: Deadline;
const hour = 3_600_000;
beforeEach(() => {
  clock = new ManualClock();
  deadline = new Deadline(clock, clock.now() + hour);
});

describe("a deadline", () => {
  it("comes when its time has passed", () => {
    clock.sleep(hour - 1);
    expect([deadline.passed, deadline.leftMs]).toEqual([false, 1]);
    clock.sleep(1);
    expect(deadline.passed).toBe(true);
  });

  it("comes when the clock is set beyond it", () => {
    clock.set(hour);
    expect(deadline.passed).toBe(true);
  });

  it("comes after the time that was left, though the clock is set back", () => {
    clock.set(-24 * hour);
    expect([deadline.leftMs, deadline.at]).toEqual([hour, clock.now() + hour]);
    clock.sleep(hour);
    expect(deadline.passed).toBe(true);
  });

  it("that has come stays passed when the clock is set back", () => {
    clock.sleep(hour);
    clock.set(-hour);
    expect(deadline.passed).toBe(true);
  });

  it("may be never", () => {
    const never = new Deadline(clock, Number.POSITIVE_INFINITY);
    clock.sleep(1000 * hour);
    expect([never.passed, never.at]).toEqual([false, Number.POSITIVE_INFINITY]);
  });
});

describe("what waits for a deadline", () => {
  it("runs once, at its time", async () => {
    let runs = 0;
    whenPassed(clock, deadline, () => (runs += 1));
    await clock.advance(hour - 1);
    expect(runs).toBe(0);
    await clock.advance(1);
    expect(runs).toBe(1);
    await clock.advance(10 * hour);
    expect([runs, clock.pending]).toEqual([1, 0]);
  });

  it("runs within ten seconds when the clock is set beyond it, or the machine slept", async () => {
    let runs = 0;
    whenPassed(clock, deadline, () => (runs += 1));
    await clock.advance(60_000);
    clock.set(8 * hour);
    await clock.advance(10_000);
    expect(runs).toBe(1);
  });

  it("runs after the time that was left, though the clock is set back", async () => {
    let runs = 0;
    whenPassed(clock, deadline, () => (runs += 1));
    clock.set(-24 * hour);
    await clock.advance(hour);
    expect(runs).toBe(1);
  });

  it("does not run when it is cancelled, however late", async () => {
    const cancel = whenPassed(clock, deadline, () => expect.unreachable());
    await clock.advance(hour / 2);
    cancel();
    await clock.advance(hour);
    expect(clock.pending).toBe(0);
  });
});
