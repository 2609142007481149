import { describe, expect, it } from "vitest";
import type { AttemptOutcome } from "../../../src/backend/attempt-outcome.ts";
import { CircuitBreaker } from "../../../src/backend/circuit-breaker.ts";
import { BackendPool, type PoolMember } from "../../../src/backend/pool.ts";
import { RetryBudget } from "../../../src/backend/retry-budget.ts";
import { Upstream } from "../../../src/backend/upstream.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const breaker = { failures: 1, openMs: 10_000, maxOpenMs: 60_000, slowStartMs: 0 };
const failed: AttemptOutcome = { kind: "broken" };
const throttled = (seconds: number): AttemptOutcome => ({
  kind: "answered",
  status: 429,
  headers: ["retry-after", String(seconds)],
});
const none: readonly PoolMember[] = [];
const candidates = (members: readonly PoolMember[]) => members.map((member) => ({ member }));

function poolOf(...members: { name: string; priority?: number; weight?: number; concurrency?: number }[]) {
  const clock = new ManualClock();
  const made = members.map(({ name, priority = 1, weight = 1, concurrency }) => ({
    upstream: new Upstream(
      "gpt",
      { backend: name, concurrency, outstanding: 0 },
      new CircuitBreaker(breaker, clock, () => 0),
    ),
    priority,
    weight,
  }));
  const pool = new BackendPool({
    members: made,
    selection: "weighted",
    budget: new RetryBudget({ percent: 20, burst: 10 }),
    attempts: 3,
    retryWithinMs: 60_000,
    random: () => 0,
  });
  const pick = (tried = none, allowed: readonly PoolMember[] = pool.members) =>
    pool.pick(candidates(allowed), tried);
  const nameOf = (picked: ReturnType<typeof pick>) => picked?.place.member.upstream.backend;
  const tell = (name: string, outcome: AttemptOutcome) =>
    made.find(({ upstream }) => upstream.backend === name)?.upstream.breaker.begin()(outcome);
  return { pool, clock, made, pick, nameOf, tell };
}

describe("a pool", () => {
  it("takes the next group when the first is out, and the first again when its pause is over", () => {
    const { pick, nameOf, tell, clock } = poolOf({ name: "reserved" }, { name: "paid", priority: 2 });
    expect(nameOf(pick())).toBe("reserved");
    tell("reserved", throttled(5));
    expect(nameOf(pick())).toBe("paid");
    clock.sleep(5000);
    expect(nameOf(pick())).toBe("reserved");
  });

  it("does not take what was tried already", () => {
    const { pick, nameOf, made } = poolOf({ name: "a" }, { name: "b" });
    expect(nameOf(pick([made[0] as PoolMember]))).toBe("b");
    expect(pick(made)).toBeUndefined();
  });

  it("passes over a backend that has as much as it may", () => {
    const { pick, nameOf } = poolOf({ name: "small", concurrency: 1 }, { name: "large", priority: 2 });
    const first = pick();
    expect([nameOf(first), nameOf(pick())]).toEqual(["small", "large"]);
    first?.lease.end();
    expect(nameOf(pick())).toBe("small");
  });

  it("lets one request probe a backend that is half-open, and sends the others elsewhere", () => {
    const { pick, nameOf, tell, clock } = poolOf({ name: "a" }, { name: "b", priority: 2 });
    tell("a", failed);
    clock.sleep(10_000);
    const probe = pick();
    expect([nameOf(probe), nameOf(pick())]).toEqual(["a", "b"]);
    probe?.lease.tell({ kind: "answered", status: 200, headers: [] });
    expect(nameOf(pick())).toBe("a");
  });

  it("says after how long the first of those that are out may serve again", () => {
    const { pool, pick, tell } = poolOf({ name: "a" }, { name: "b" });
    tell("a", throttled(30));
    tell("b", throttled(12));
    expect(pick()).toBeUndefined();
    expect(pool.nothingLeft(candidates(pool.members))).toEqual({ retryAfterSeconds: 12, throttled: true });
  });

  it("does not call it throttled when one of them failed", () => {
    const { pool, tell } = poolOf({ name: "a" }, { name: "b" });
    tell("a", throttled(30));
    tell("b", failed);
    expect(pool.nothingLeft(candidates(pool.members))).toEqual({ retryAfterSeconds: 10, throttled: false });
  });

  it("calls it throttled when all have as much under way as they may, and not when one of those fails", () => {
    const { pool, pick, tell } = poolOf({ name: "a", concurrency: 1 }, { name: "b" });
    pick();
    tell("b", throttled(30));
    expect(pick()).toBeUndefined();
    expect(pool.nothingLeft(candidates(pool.members))).toEqual({ retryAfterSeconds: 1, throttled: true });
    tell("a", failed);
    expect(pool.nothingLeft(candidates(pool.members))).toMatchObject({ throttled: false });
  });

  it("lets an only backend speak for itself when it is throttled, and not when it fails", () => {
    const { pick, nameOf, tell, clock } = poolOf({ name: "only" });
    tell("only", throttled(30));
    expect(nameOf(pick())).toBe("only");
    clock.sleep(30_000);
    tell("only", failed);
    expect(pick()).toBeUndefined();
  });

  it("treats the only one where a stored object lies like an only backend", () => {
    const { pick, nameOf, tell, made } = poolOf({ name: "a" }, { name: "b" });
    tell("a", throttled(30));
    expect(nameOf(pick(none, made.slice(0, 1)))).toBe("a");
  });

  it("tells its state in the order in which its members are tried", () => {
    const { pool, clock, tell } = poolOf({ name: "paid", priority: 2 }, { name: "reserved", weight: 2 });
    tell("reserved", failed);
    expect(pool.states()).toEqual([
      {
        backend: "reserved",
        deployment: "gpt",
        priority: 1,
        weight: 2,
        outstanding: 0,
        state: "open",
        reason: "failing",
        seen: "broken",
        until: clock.now() + 10_000,
      },
      { backend: "paid", deployment: "gpt", priority: 2, weight: 1, outstanding: 0, state: "closed" },
    ]);
  });
});
