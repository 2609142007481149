import { describe, expect, it } from "vitest";
import { flatness } from "../../soak/flatness.ts";

/** Forty readings, 3 s apart, the same at each run of this test. */
const readings = (valueAt: (seconds: number, index: number) => number) =>
  Array.from({ length: 40 }, (_, index) => ({ seconds: index * 3, value: valueAt(index * 3, index) }));
const noise = (index: number) => 2 * Math.sin(index * 12.9898);
const tolerance = { atLeast: 4, share: 0.05 };

describe("flatness, by which the soak judges", () => {
  it("sees a small growth through noise that is larger than what it adds from one reading to the next", () => {
    const found = flatness(
      readings((seconds, index) => 40 + noise(index) + seconds * 0.05),
      tolerance,
    );
    expect(found.isFlat).toBe(false);
    expect(found.growth).toBeCloseTo(117 * 0.05, 0);
  });

  it("takes neither noise nor a busy moment for growth, not even at the end", () => {
    expect(
      flatness(
        readings((_, index) => 40 + noise(index)),
        tolerance,
      ).isFlat,
    ).toBe(true);
    const busy = readings((_, index) => 40 + noise(index) + (index > 32 ? 30 : 0));
    expect(flatness(busy, tolerance).isFlat).toBe(true);
  });

  it("allows a share of what is there, or a fixed amount, whichever is more", () => {
    const grows = (base: number) => readings((seconds) => base + seconds * 0.05);
    expect(flatness(grows(1000), tolerance)).toMatchObject({ isFlat: true });
    expect(flatness(grows(40), tolerance).allowed).toBe(4);
  });

  it("says nothing from a handful of readings", () => {
    expect(() => flatness(readings(() => 1).slice(0, 4), tolerance)).toThrow("4 readings say nothing");
  });
});
