import * as fc from "fast-check";
import { expect, it } from "vitest";
import { filtered } from "../../../src/kernel/filtered.ts";

it("holds what a filter holds, and is the list itself where all pass", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3 })), fc.integer({ min: 0, max: 4 }), (list, bound) => {
      const passes = (item: number) => item < bound;
      const found = filtered(list, passes);
      expect(found).toEqual(list.filter(passes));
      expect(found === list).toBe(found.length === list.length);
    }),
  );
});
