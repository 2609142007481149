import { describe, expect, it } from "vitest";
import { isOpen, readTimeWindow, type TimeWindowOptions } from "../../../src/model/time-window.ts";

const berlin: TimeWindowOptions = { days: ["mon"], from: "06:00", to: "22:00", timeZone: "Europe/Berlin" };
function openAt(change: Partial<TimeWindowOptions>, ...instant: [number, number, number, number, number]) {
  const reading = readTimeWindow({ ...berlin, ...change });
  if (!reading.ok) throw new Error(reading.reason);
  const [year, month, day, hour, minute] = instant;
  return isOpen(reading.window, Date.UTC(year, month - 1, day, hour, minute));
}

describe("a window", () => {
  it.each([
    [3, 59, false],
    [4, 0, true],
    [19, 59, true],
    [20, 0, false],
  ])(
    "is open from its start up to its end, on the zone's own clock: %i:%i UTC in summer",
    (hour, minute, open) => {
      expect(openAt({}, 2026, 6, 1, hour, minute)).toBe(open);
    },
  );

  it.each([
    [4, 59, false],
    [5, 0, true],
  ])("moves with the zone's winter time: %i:%i UTC", (hour, minute, open) => {
    expect(openAt({}, 2026, 1, 5, hour, minute)).toBe(open);
  });

  it("is open on its days only, by the zone's calendar", () => {
    expect(openAt({ days: ["tue"], from: "00:00", to: "24:00" }, 2026, 6, 1, 22, 0)).toBe(true);
    expect(openAt({ days: ["tue"], from: "00:00", to: "24:00" }, 2026, 6, 1, 21, 59)).toBe(false);
  });

  it.each([
    [1, 20, 0, true],
    [2, 3, 59, true],
    [2, 4, 0, false],
    [1, 3, 59, false],
    [2, 20, 0, false],
  ])("over midnight belongs to the day on which it opened: day %i, %i:%i", (day, hour, minute, open) => {
    expect(openAt({ from: "22:00", to: "06:00" }, 2026, 6, day, hour, minute)).toBe(open);
  });

  it("over midnight of a Sunday reaches into Monday", () => {
    expect(openAt({ days: ["sun"], from: "22:00", to: "06:00" }, 2026, 6, 1, 1, 0)).toBe(true);
  });

  const sunday = { days: ["sun" as const], from: "02:30", to: "04:00" };
  it.each([
    [0, 59, false],
    [1, 0, true],
    [1, 59, true],
    [2, 0, false],
  ])("loses what stands in the hour that a zone skips: 29 March, %i:%i UTC", (hour, minute, open) => {
    expect(openAt(sunday, 2026, 3, 29, hour, minute)).toBe(open);
  });

  it.each([
    [0, 29, false],
    [0, 30, true],
    [1, 15, false],
    [1, 30, true],
    [3, 0, false],
  ])("is open twice where a zone repeats an hour: 25 October, %i:%i UTC", (hour, minute, open) => {
    expect(openAt(sunday, 2026, 10, 25, hour, minute)).toBe(open);
  });

  it("knows an instant before another that it was asked for", () => {
    expect([openAt({}, 2026, 6, 1, 20, 0), openAt({}, 2026, 6, 1, 12, 0)]).toEqual([false, true]);
  });
});
