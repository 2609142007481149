import { describe, expect, it } from "vitest";
import { RestartPolicy } from "../../../src/supervisor/restart-policy.ts";

const times = (count: number, of: () => number) => Array.from({ length: count }, of);

describe("RestartPolicy", () => {
  it("doubles the wait with each death that comes soon, up to its longest", () => {
    const policy = new RestartPolicy({ firstMs: 100, longestMs: 1000, random: () => 0 });
    expect(times(6, () => policy.waitAfterDeath(10))).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(policy.deaths).toBe(6);
  });

  it("begins anew after a worker that served for long", () => {
    const policy = new RestartPolicy({ firstMs: 100, provenMs: 5000, random: () => 0 });
    times(5, () => policy.waitAfterDeath(undefined));
    expect(policy.waitAfterDeath(4999)).toBe(3200);
    expect(policy.waitAfterDeath(5000)).toBe(100);
    expect(policy.waitAfterDeath(0)).toBe(200);
  });

  it("varies the wait, and never below half of it", () => {
    const policy = new RestartPolicy({ firstMs: 100, random: () => 0.999_999 });
    expect(policy.waitAfterDeath(undefined)).toBeCloseTo(50, 2);
    expect(policy.waitAfterDeath(undefined)).toBeCloseTo(100, 2);
  });

  it("stays finite however often a worker dies", () => {
    const policy = new RestartPolicy({ random: () => 0 });
    expect(times(5000, () => policy.waitAfterDeath(1)).at(-1)).toBe(30_000);
  });
});
