import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Selectable, selectMember } from "../../../src/backend/select-member.ts";

const member = (over: Partial<Selectable> = {}): Selectable => ({
  priority: 1,
  weight: 1,
  share: 1,
  outstanding: 0,
  ...over,
});

/** How often each of them is taken, over an even spread of random numbers. */
function counts(members: readonly Selectable[], selection: "weighted" | "least-outstanding"): number[] {
  const count = members.map(() => 0);
  for (let draw = 0; draw < 1000; draw += 1) {
    const found = selectMember(members, selection, () => draw / 1000);
    const at = members.indexOf(found as Selectable);
    count[at] = (count[at] ?? 0) + 1;
  }
  return count;
}

describe("selection", () => {
  it("finds nothing in nothing", () => {
    expect(selectMember([], "weighted", Math.random)).toBeUndefined();
  });

  it("takes the group of the smallest number only", () => {
    expect(counts([member({ priority: 2 }), member(), member({ priority: 2 })], "weighted")).toEqual([
      0, 1000, 0,
    ]);
  });

  it("divides by weight", () => {
    expect(counts([member({ weight: 3 }), member()], "weighted")).toEqual([750, 250]);
  });

  it("gives one that has just recovered less than its weight", () => {
    expect(counts([member({ share: 0.25 }), member({ weight: 0.75 })], "weighted")).toEqual([250, 750]);
  });

  it("takes the one with the fewest requests under way, by weight", () => {
    expect(
      counts([member({ outstanding: 2 }), member({ outstanding: 5, weight: 3 })], "least-outstanding"),
    ).toEqual([0, 1000]);
  });

  it("divides by weight those that have equally few", () => {
    expect(counts([member(), member(), member({ outstanding: 1 })], "least-outstanding")).toEqual([
      500, 500, 0,
    ]);
  });

  it("always finds one of the first group, whatever the numbers are", () => {
    const any = fc.record({
      priority: fc.integer({ min: 1, max: 3 }),
      weight: fc.double({ min: 0.001, max: 1000, noNaN: true }),
      share: fc.double({ min: 0.1, max: 1, noNaN: true }),
      outstanding: fc.nat(10_000),
    });
    fc.assert(
      fc.property(
        fc.array(any, { minLength: 1, maxLength: 8 }),
        fc.constantFrom("weighted" as const, "least-outstanding" as const),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (members, selection, random) => {
          const found = selectMember(members, selection, () => random);
          expect(found?.priority).toBe(Math.min(...members.map(({ priority }) => priority)));
        },
      ),
    );
  });
});
