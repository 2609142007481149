import { beforeEach, describe, expect, it } from "vitest";
import { type Fetched, Refreshing, type RefreshingOptions } from "../../../src/kernel/refreshing.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";

const [minute, hour] = [60_000, 3_600_000];
let clock: ManualClock;
let fetches: number;
/** What the source gives; undefined: it fails. */
let given: (() => Fetched<string>) | undefined;
beforeEach(() => {
  clock = new ManualClock();
  fetches = 0;
  given = () => ({ value: "one" });
});

function refreshing(options: Partial<RefreshingOptions<string>> = {}): Refreshing<string> {
  return new Refreshing<string>({
    name: "thing",
    clock,
    intervalMs: 5 * minute,
    jitter: 0,
    async fetch() {
      fetches += 1;
      if (given === undefined) throw new Error("down");
      return given();
    },
    ...options,
  });
}

describe("a clock that is set forward, as a machine finds it that slept", () => {
  it("has what is due by then fetched within seconds, and not when the timer would have come", async () => {
    const kept = refreshing({ intervalMs: 8 * hour });
    await kept.refresh();
    clock.set(9 * hour);
    await clock.advance(10_000);
    expect(fetches).toBe(2);
    expect(kept.state().freshness).toBe("fresh");
  });

  it("has what is not due left alone", async () => {
    const kept = refreshing({ intervalMs: 8 * hour });
    await kept.refresh();
    clock.set(7 * hour);
    await clock.advance(minute);
    expect(fetches).toBe(1);
    expect(kept.state().nextFetchAt).toBe(clock.now() + hour - minute);
  });

  it("ends what is over by then", async () => {
    given = () => ({ value: "one", expiresAt: clock.now() + hour });
    const kept = refreshing();
    await kept.refresh();
    given = undefined;
    clock.set(hour);
    expect(kept.usable()).toBeUndefined();
    expect(kept.state().freshness).toBe("expired");
    await expect(kept.get()).rejects.toThrow("down");
  });

  it("ends what may not be stale for so long", async () => {
    const kept = refreshing({ maxStaleMs: hour });
    await kept.refresh();
    given = undefined;
    clock.set(hour);
    expect(kept.usable()).toBeUndefined();
  });

  it("lets a source that failed be tried again sooner, and no more than once", async () => {
    given = undefined;
    const kept = refreshing({ cooldownMs: minute });
    await kept.refresh().catch(() => {});
    clock.set(hour);
    await Promise.allSettled([kept.get(), kept.get(), kept.get()]);
    expect(fetches).toBe(2);
  });
});

describe("a clock that is set back", () => {
  it("prolongs nothing: a value ends when its time has passed", async () => {
    given = () => ({ value: "one", expiresAt: clock.now() + hour });
    const kept = refreshing();
    await kept.refresh();
    given = undefined;
    clock.set(-24 * hour);
    expect(kept.usable()).toBe("one");
    expect(kept.state().expiresAt).toBe(clock.now() + hour);
    clock.sleep(hour);
    expect(kept.usable()).toBeUndefined();
  });

  it("revives nothing: what was over by the passing of time stays over", async () => {
    const kept = refreshing({ maxStaleMs: hour });
    await kept.refresh();
    given = undefined;
    clock.sleep(hour);
    expect(kept.usable()).toBeUndefined();
    clock.set(-24 * hour);
    expect(kept.usable()).toBeUndefined();
  });

  it("delays no fetch", async () => {
    const kept = refreshing();
    await kept.refresh();
    clock.set(-24 * hour);
    await clock.advance(5 * minute);
    expect(fetches).toBe(2);
  });

  it("makes no outage longer: the cooldown after a failure is over when its time has passed", async () => {
    given = undefined;
    const kept = refreshing({ cooldownMs: minute });
    await kept.refresh().catch(() => {});
    clock.set(-24 * hour);
    given = () => ({ value: "two" });
    await expect(kept.get()).rejects.toThrow("down");
    clock.sleep(minute);
    expect(await kept.get()).toBe("two");
    await settle();
  });
});
