import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AttemptOutcome } from "../../../src/backend/attempt-outcome.ts";
import { CircuitBreaker } from "../../../src/backend/circuit-breaker.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const answered = (status: number, headers: Record<string, string> = {}): AttemptOutcome => ({
  kind: "answered",
  status,
  headers: Object.entries(headers).flat(),
});
const good = answered(200);
const broken: AttemptOutcome = { kind: "broken" };
const options = { failures: 3, openMs: 1000, maxOpenMs: 8000, slowStartMs: 10_000 };

function breakerAt(random = 0) {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(options, clock, () => random);
  return {
    clock,
    breaker,
    saw: (...outcomes: AttemptOutcome[]) => outcomes.forEach((outcome) => breaker.begin()(outcome)),
  };
}

describe("a circuit breaker", () => {
  it.each<[string, AttemptOutcome]>([
    ["500", answered(500)],
    ["502", answered(502)],
    ["503", answered(503)],
    ["504", answered(504)],
    ["timeout", { kind: "timeout" }],
    ["unsent", { kind: "unsent" }],
    ["broken", broken],
  ])("opens after so many failures in a row: %s", (seen, failure) => {
    const { breaker, clock, saw } = breakerAt();
    saw(failure, failure);
    expect(breaker.state()).toEqual({ state: "closed" });
    saw(failure);
    expect(breaker.state()).toEqual({ state: "open", reason: "failing", until: clock.now() + 1000, seen });
    expect(breaker.admits).toBe(false);
  });

  it("stays closed when a good answer comes in between", () => {
    const { breaker, saw } = breakerAt();
    saw(broken, broken, good, broken, broken, answered(404), broken, broken);
    expect(breaker.admits).toBe(true);
  });

  it("takes a refusal of the request itself for a sign of health", () => {
    const { breaker, saw } = breakerAt();
    saw(...[400, 401, 403, 404, 409, 422].map((status) => answered(status)));
    expect(breaker.state()).toEqual({ state: "closed" });
  });

  it("opens at once when it is asked to, for as long as it is asked, and is closed right after", () => {
    const { breaker, clock, saw } = breakerAt();
    saw(answered(429, { "retry-after-ms": "2500" }));
    expect([breaker.state().reason, breaker.waitMs]).toEqual(["paused", 2500]);
    clock.sleep(2499);
    expect(breaker.admits).toBe(false);
    clock.sleep(1);
    expect(breaker.state()).toEqual({ state: "closed" });
    expect(breaker.share).toBe(1);
  });

  it("opens when a served request used a limit up", () => {
    const { breaker, saw } = breakerAt();
    saw(answered(200, { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "3" }));
    expect(breaker.waitMs).toBe(3000);
  });

  it("believes a pause only up to its longest opening", () => {
    const { breaker, saw } = breakerAt();
    saw(answered(429, { "retry-after": "86400" }));
    expect(breaker.waitMs).toBe(8000);
  });

  it("opens at once on 429 without a hint, for longer each time, and proves it by one request", () => {
    const { breaker, clock, saw } = breakerAt();
    const waits: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      saw(answered(429));
      waits.push(breaker.waitMs);
      clock.sleep(breaker.waitMs);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 8000]);
    expect(breaker.state()).toEqual({ state: "half-open", reason: "throttled", seen: "429" });
    saw(good, answered(429));
    expect(breaker.waitMs).toBe(1000);
  });

  it("does not open for longer because of requests that were under way when it opened", () => {
    const { breaker } = breakerAt();
    const reports = Array.from({ length: 20 }, () => breaker.begin());
    for (const report of reports) report(answered(429));
    expect(breaker.waitMs).toBe(1000);
    const { breaker: other } = breakerAt();
    for (const report of Array.from({ length: 20 }, () => other.begin())) report(broken);
    expect(other.waitMs).toBe(1000);
  });

  it("lets one request at a time through when its time is over", () => {
    const { breaker, clock, saw } = breakerAt();
    saw(broken, broken, broken);
    clock.sleep(1000);
    expect(breaker.state().state).toBe("half-open");
    const probe = breaker.begin();
    expect(breaker.admits).toBe(false);
    probe("given up");
    expect(breaker.admits).toBe(true);
    breaker.begin()(good);
    expect(breaker.state()).toEqual({ state: "closed" });
  });

  it("opens for twice as long each time that its probe fails, up to a bound, and anew after a recovery", () => {
    const { breaker, clock, saw } = breakerAt();
    saw(broken, broken, broken);
    const waits = [breaker.waitMs];
    for (let round = 0; round < 4; round += 1) {
      clock.sleep(breaker.waitMs);
      saw(broken);
      waits.push(breaker.waitMs);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 8000]);
    clock.sleep(8000);
    saw(good, broken, broken, broken);
    expect(breaker.waitMs).toBe(1000);
  });

  it("is not closed by the answer to a request that was sent before it opened", () => {
    const { breaker, clock, saw } = breakerAt();
    const old = breaker.begin();
    saw(broken, broken, broken);
    old(good);
    expect(breaker.state().state).toBe("open");
    clock.sleep(1000);
    expect(breaker.state().state).toBe("half-open");
  });

  it("gives a recovered backend its share little by little", () => {
    const { breaker, clock, saw } = breakerAt();
    saw(broken, broken, broken);
    clock.sleep(1000);
    saw(good);
    const shares = [0, 500, 4500, 5000].map((ms) => {
      clock.sleep(ms);
      return breaker.share;
    });
    expect(shares).toEqual([0.1, 0.1, 0.5, 1]);
  });

  it("spreads the end of an opening, downwards", () => {
    const { breaker, saw } = breakerAt(0.5);
    saw(broken, broken, broken);
    expect(breaker.waitMs).toBe(950);
  });

  it.each([-3_600_000, 3_600_000])("opens for its time, though the clock is set by %i ms", (byMs) => {
    const { breaker, clock, saw } = breakerAt();
    saw(broken, broken, broken);
    clock.set(byMs);
    expect(breaker.waitMs).toBe(1000);
    expect(breaker.state()).toMatchObject({ state: "open", until: clock.now() + 1000 });
    clock.sleep(1000);
    expect(breaker.state().state).toBe("half-open");
  });

  it.each([-3_600_000, 3_600_000])("recovers at its pace, though the clock is set by %i ms", (byMs) => {
    const { breaker, clock, saw } = breakerAt();
    saw(broken, broken, broken);
    clock.sleep(1000);
    saw({ kind: "answered", status: 200, headers: [] });
    const before = breaker.share;
    clock.set(byMs);
    expect(breaker.share).toBe(before);
  });

  it("counts the first word about a request only", () => {
    const { breaker } = breakerAt();
    const report = breaker.begin();
    for (let time = 0; time < 5; time += 1) report(broken);
    expect(breaker.admits).toBe(true);
  });

  it("always opens again within its bound, and never lets two probes out, whatever happens", () => {
    const outcome = fc.oneof(
      fc.constantFrom<AttemptOutcome>({ kind: "unsent" }, { kind: "timeout" }, broken),
      fc
        .tuple(fc.constantFrom(200, 404, 429, 500, 503), fc.option(fc.integer({ min: 0, max: 100_000 })))
        .map(([status, after]) => answered(status, after === null ? {} : { "retry-after": String(after) })),
    );
    const step = fc.oneof(
      fc.record({ wait: fc.nat(10_000) }),
      fc.record({ begin: fc.constant(true) }),
      fc.record({ tell: outcome }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { breaker, clock } = breakerAt();
        const underWay: ReturnType<CircuitBreaker["begin"]>[] = [];
        let probes = 0;
        for (const now of steps) {
          if ("wait" in now) clock.sleep(now.wait);
          else if ("begin" in now && breaker.admits) {
            const isProbe = breaker.state().state === "half-open";
            if (isProbe) probes += 1;
            const report = breaker.begin();
            underWay.push((word) => {
              if (isProbe) probes -= 1;
              report(word);
            });
          } else if ("tell" in now) underWay.shift()?.(now.tell);
          expect(probes).toBeLessThanOrEqual(1);
          expect(breaker.waitMs).toBeLessThanOrEqual(options.maxOpenMs);
          expect(breaker.share).toBeGreaterThanOrEqual(0.1);
        }
        for (const report of underWay) report("given up");
        clock.sleep(options.maxOpenMs);
        expect(breaker.admits).toBe(true);
      }),
    );
  });
});
