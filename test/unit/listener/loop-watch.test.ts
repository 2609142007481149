import { beforeEach, describe, expect, it } from "vitest";
import { LoopWatch } from "../../../src/listener/loop-watch.ts";

let now: number;
let changes: boolean[];
let watch: LoopWatch;
let limitMs: number;
beforeEach(() => {
  now = 0;
  limitMs = 200;
  changes = [];
  watch = new LoopWatch(
    () => limitMs,
    (overloaded) => changes.push(overloaded),
  );
});

/** Looks that come so many milliseconds late each. */
function late(lagMs: number, looks: number): void {
  for (let count = 0; count < looks; count += 1) watch.look((now += 20 + lagMs));
}

describe("the watch over the event loop", () => {
  it("tells of no overload while the loop keeps up", () => {
    late(150, 100);
    expect(watch.overloaded).toBe(false);
  });

  it("tells of it when the loop was late for a second", () => {
    late(250, 3);
    expect(watch.overloaded).toBe(false);
    late(250, 1);
    expect(watch.overloaded).toBe(true);
  });

  it("does not for a single step, however long", () => {
    late(5000, 1);
    late(0, 100);
    expect(changes).toEqual([]);
  });

  it("does not when one look in between was in time", () => {
    for (let round = 0; round < 20; round += 1) {
      late(250, 3);
      late(0, 1);
    }
    expect(changes).toEqual([]);
  });

  it("takes it back only when the loop was late by less than half for a second", () => {
    late(250, 4);
    late(150, 50);
    expect(watch.overloaded).toBe(true);
    late(50, 14);
    expect(watch.overloaded).toBe(true);
    late(50, 1);
    expect(watch.overloaded).toBe(false);
    expect(changes).toEqual([true, false]);
  });

  it("goes by a limit that changes", () => {
    limitMs = 10_000;
    late(250, 10);
    expect(watch.overloaded).toBe(false);
    limitMs = 200;
    late(250, 4);
    expect(watch.overloaded).toBe(true);
  });

  it.each([70, 100, 120, 200])("sees turns of %i ms, though a look in between comes in time", (turnMs) => {
    limitMs = 40;
    // Each look comes at the end of the turn in which it was due.
    for (let due = 20; now < 3000; due = now + 20) watch.look((now = Math.ceil(due / turnMs) * turnMs));
    expect(watch.overloaded).toBe(true);
  });

  it("sees a loop that is really held up, and its recovery", async () => {
    const overloaded = Promise.withResolvers<void>();
    const recovered = Promise.withResolvers<void>();
    const real = new LoopWatch(
      () => 50,
      (isOverloaded) => (isOverloaded ? overloaded : recovered).resolve(),
    );
    real.start();
    const busy = setInterval(() => {
      const until = performance.now() + 250;
      while (performance.now() < until);
    }, 1);
    await overloaded.promise;
    clearInterval(busy);
    await recovered.promise;
    real.stop();
    expect(real.overloaded).toBe(false);
  }, 20_000);
});
