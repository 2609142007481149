import * as fc from "fast-check";
import { Counter, Histogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { DurationTally, Tally } from "../../../src/telemetry/tallies.ts";

const labelNames = ["backend", "status"];
const values = fc.tuple(
  fc.constantFrom("east", "west", "", "a,status:1", 'a"b\\c\nd'),
  fc.constantFrom(200, 404),
);
const labelsOf = ([backend, status]: [string, number]) => ({ backend, status });

/** Ours and prom-client's own, each in a registry of its own. */
const options = () => [0, 1].map(() => ({ name: "a", help: "b", labelNames, registers: [new Registry()] }));

const page = ({ registers }: { registers: Registry[] }) => registers[0]!.metrics();
const snapshot = async ({ registers }: { registers: Registry[] }) => {
  const metrics = await registers[0]!.getMetricsAsJSON();
  return metrics.map((metric) => ({
    ...metric,
    values: metric.values.map((value) => ({ ...value, exemplar: undefined })),
  }));
};

describe("a tally", () => {
  it("tells what prom-client's counter tells, each time somebody asks", async () => {
    const adds = fc.array(fc.tuple(values, fc.nat()));
    await fc.assert(
      fc.asyncProperty(adds, adds, async (first, then) => {
        const [ours, theirs] = options() as [never, never];
        const [tally, counter] = [new Tally(ours), new Counter(theirs)];
        for (const some of [first, then]) {
          for (const [of, count] of some) {
            tally.add(of, count);
            counter.inc(labelsOf(of), count);
          }
          expect(await page(ours)).toBe(await page(theirs));
          expect(await snapshot(ours)).toEqual(await snapshot(theirs));
        }
      }),
    );
  });

  it.each([NaN, Infinity, -Infinity, -1])("takes a count of %s for none, and goes on", async (count) => {
    const [ours] = options() as [never];
    const tally = new Tally(ours);
    for (const each of [5, count, 2]) tally.add(["east", 200], each);
    tally.add(["west", 200], count);
    expect(await page(ours)).toContain('a{backend="east",status="200"} 7\n');
    expect(await page(ours)).toContain('a{backend="west",status="200"} 0\n');
  });

  it("stays finite, so that the page can still be told", async () => {
    const [ours] = options() as [never];
    const tally = new Tally(ours);
    for (const each of [Number.MAX_VALUE, Number.MAX_VALUE]) tally.add(["east", 200], each);
    expect(await page(ours)).toContain(`a{backend="east",status="200"} ${Number.MAX_VALUE}\n`);
  });

  it("of durations tells what prom-client's histogram tells", async () => {
    const bounds = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
    const ms = fc.oneof(
      fc.double({ min: 0, max: 1_000_000, noNaN: true }),
      fc.constantFrom(...bounds.map((bound) => bound * 1000), 0),
    );
    const adds = fc.array(fc.tuple(values, ms));
    await fc.assert(
      fc.asyncProperty(adds, adds, async (first, then) => {
        const [ours, theirs] = options() as [never, never];
        const tally = new DurationTally(ours);
        const histogram = new Histogram({
          ...(theirs as object),
          name: "a",
          help: "b",
          labelNames,
          buckets: bounds,
        });
        for (const some of [first, then]) {
          for (const [of, duration] of some) {
            tally.add(of, duration);
            histogram.observe(labelsOf(of), duration / 1000);
          }
          expect(await page(ours)).toBe(await page(theirs));
          expect(await snapshot(ours)).toEqual(await snapshot(theirs));
        }
      }),
    );
  });

  it("takes a duration below zero for none", async () => {
    const [ours] = options() as [never];
    new DurationTally(ours).add(["east", 200], -5);
    expect(await page(ours)).toContain('a_sum{backend="east",status="200"} 0');
  });

  it.each([NaN, Infinity])("leaves out a duration of %s, and goes on", async (ms) => {
    const [ours] = options() as [never];
    const tally = new DurationTally(ours);
    for (const each of [1000, ms, 2000]) tally.add(["east", 200], each);
    expect(await page(ours)).toContain('a_sum{backend="east",status="200"} 3\n');
    expect(await page(ours)).toContain('a_count{backend="east",status="200"} 2\n');
  });
});
