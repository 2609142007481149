import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RetryBudget } from "../../../src/backend/retry-budget.ts";

describe("a retry budget", () => {
  it("lets a burst through, and then a share of the requests", () => {
    const budget = new RetryBudget({ percent: 20, burst: 3 });
    const taken = Array.from({ length: 23 }, () => {
      budget.deposit();
      return budget.take();
    });
    // The first deposit finds a full bucket.
    expect(taken.filter(Boolean).length).toBe(3 + 4);
  });

  it("gets back what a good retry took", () => {
    const budget = new RetryBudget({ percent: 0, burst: 1 });
    for (let round = 0; round < 10; round += 1) {
      expect(budget.take()).toBe(true);
      expect(budget.take()).toBe(false);
      budget.giveBack();
    }
  });

  it("allows a share also without a burst", () => {
    const budget = new RetryBudget({ percent: 10, burst: 0 });
    expect(budget.take()).toBe(false);
    for (let request = 0; request < 10; request += 1) budget.deposit();
    expect([budget.take(), budget.take()]).toEqual([true, false]);
  });

  it("allows none at all with nothing", () => {
    const budget = new RetryBudget({ percent: 0, burst: 0 });
    for (let request = 0; request < 100; request += 1) budget.deposit();
    expect(budget.take()).toBe(false);
  });

  it("never lets more retries fail than its burst and its share", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 20 }),
        fc.array(fc.constantFrom("request", "retry", "good retry"), { maxLength: 300 }),
        (percent, burst, steps) => {
          const budget = new RetryBudget({ percent, burst });
          let requests = 0;
          let failed = 0;
          for (const step of steps) {
            if (step === "request") {
              requests += 1;
              budget.deposit();
            } else if (budget.take()) {
              if (step === "good retry") budget.giveBack();
              else failed += 1;
            }
          }
          expect(failed).toBeLessThanOrEqual(burst + (requests * percent) / 100 + 1e-6);
        },
      ),
    );
  });
});
