import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isoTime } from "../../../src/kernel/iso-time.ts";

describe("an instant", () => {
  it("is written as the runtime writes it, whatever was written before", () => {
    const instant = fc.integer({ min: -10_000_000_000_000, max: 10_000_000_000_000 });
    const near = fc.tuple(instant, fc.array(fc.integer({ min: -2000, max: 2000 })));
    fc.assert(
      fc.property(near, ([first, steps]) => {
        for (const ms of [first, ...steps.map((step) => first + step)])
          expect(isoTime(ms)).toBe(new Date(ms).toISOString());
      }),
    );
  });

  it.each([Number.NaN, Infinity])("that is none (%d) throws as the runtime's does", (ms) => {
    expect(() => isoTime(ms)).toThrow(RangeError);
  });
});
