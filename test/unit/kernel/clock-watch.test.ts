import { beforeEach, describe, expect, it } from "vitest";
import { watchClock } from "../../../src/kernel/clock-watch.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let clock: ManualClock;
let changes: number[];
let stop: () => void;
beforeEach(() => {
  clock = new ManualClock();
  changes = [];
  stop = watchClock(clock, (byMs) => changes.push(byMs));
});

describe("the watch over the clock", () => {
  it("tells once of each change, in its direction", async () => {
    await clock.advance(60_000);
    clock.set(3_600_000);
    await clock.advance(60_000);
    clock.set(-7_200_000);
    await clock.advance(60_000);
    expect(changes).toEqual([3_600_000, -7_200_000]);
  });

  it("says nothing of time that passes, and nothing of small corrections", async () => {
    for (let hour = 0; hour < 24; hour += 1) {
      await clock.advance(10_000);
      clock.set(300);
    }
    clock.sleep(3_600_000);
    await clock.advance(10_000);
    expect(changes).toEqual([]);
  });

  it("ends when it is stopped", async () => {
    stop();
    clock.set(3_600_000);
    await clock.advance(60_000);
    expect([changes, clock.pending]).toEqual([[], 0]);
  });
});
