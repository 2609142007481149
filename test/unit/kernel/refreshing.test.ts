import { describe, expect, it, vi } from "vitest";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { Refreshing, type Fetched, type RefreshingOptions } from "../../../src/kernel/refreshing.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";

/** A source whose answers the test gives one by one. */
function controlled(options: Partial<RefreshingOptions<string>> = {}) {
  const clock = new ManualClock();
  const calls: {
    resolve: (fetched: Fetched<string>) => void;
    reject: (error: unknown) => void;
    signal: AbortSignal;
  }[] = [];
  const refreshing = new Refreshing<string>({
    name: "thing",
    clock,
    intervalMs: 60_000,
    jitter: 0,
    fetch: (signal) => new Promise((resolve, reject) => calls.push({ resolve, reject, signal })),
    ...options,
  });
  const last = () => {
    const call = calls.at(-1);
    if (call === undefined) throw new Error("nothing was fetched");
    return call;
  };
  const answer = async (value: string, extra: Omit<Fetched<string>, "value"> = {}) => {
    last().resolve({ value, ...extra });
    await settle();
  };
  const fail = async (error: unknown) => {
    last().reject(error);
    await settle();
  };
  /** One whole fetch. */
  const load = async (value: string, extra: Omit<Fetched<string>, "value"> = {}) => {
    const done = refreshing.refresh();
    await answer(value, extra);
    await done;
  };
  return { clock, calls, refreshing, answer, fail, load, last };
}

describe("the value", () => {
  it("is absent before the first fetch, and reading it fetches nothing", () => {
    const { refreshing, calls } = controlled();
    expect(refreshing.usable()).toBeUndefined();
    expect(refreshing.state()).toEqual({ name: "thing", freshness: "empty" });
    expect(calls).toHaveLength(0);
  });

  it("is fetched by the first get, and kept for the next", async () => {
    const { refreshing, calls, answer } = controlled();
    const first = refreshing.get();
    await answer("one");
    expect(await first).toBe("one");
    expect(await refreshing.get()).toBe("one");
    expect(calls).toHaveLength(1);
  });

  it("is fetched once for a hundred callers at the same time", async () => {
    const { refreshing, calls, answer } = controlled();
    const waiting = Array.from({ length: 100 }, () => refreshing.get());
    await answer("one");
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["one"]));
    expect(calls).toHaveLength(1);
  });

  it("ends at its own expiry, whatever the staleness bound says", async () => {
    const { clock, refreshing, load, calls } = controlled({ maxStaleMs: 10 * 60_000 });
    await load("one", { expiresAt: clock.now() + 5000, refreshAt: clock.now() + 3_600_000 });
    await clock.advance(4999);
    expect(refreshing.usable()).toBe("one");
    await clock.advance(1);
    expect(refreshing.usable()).toBeUndefined();
    expect(refreshing.state().freshness).toBe("expired");
    expect(calls).toHaveLength(1);
  });

  it("ends at the staleness bound when it names no expiry", async () => {
    const { clock, refreshing, load, fail } = controlled({ maxStaleMs: 120_000 });
    await load("one");
    await clock.advance(60_000);
    await fail(new Error("down"));
    clock.sleep(59_999);
    expect(refreshing.usable()).toBe("one");
    clock.sleep(1);
    expect(refreshing.usable()).toBeUndefined();
  });

  it("is refused when it comes expired, and the one before is kept", async () => {
    const { clock, refreshing, load, answer } = controlled();
    await load("one");
    const second = refreshing.refresh();
    second.catch(() => {});
    await answer("two", { expiresAt: clock.now() });
    await expect(second).rejects.toThrow("thing: what was fetched has expired already");
    expect(refreshing.usable()).toBe("one");
    expect(refreshing.state().freshness).toBe("stale");
  });
});

describe("refreshing ahead", () => {
  it("happens after the interval, in the background", async () => {
    const { clock, refreshing, load, calls, answer } = controlled();
    await load("one");
    await clock.advance(59_999);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
    expect(await refreshing.get()).toBe("one");
    await answer("two");
    expect(await refreshing.get()).toBe("two");
  });

  it("happens when the value asks for it", async () => {
    const { clock, load, calls } = controlled();
    await load("one", { refreshAt: clock.now() + 7000 });
    await clock.advance(6999);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
  });

  it("comes earlier by the jitter, never later", async () => {
    const { clock, load, calls } = controlled({ jitter: 0.5, random: () => 0.5 });
    await load("one");
    await clock.advance(44_999);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
  });

  it("never comes sooner than the cooldown for a value that is born due", async () => {
    const { clock, load, calls } = controlled({ cooldownMs: 2000, jitter: 0.5, random: () => 0.999 });
    await load("one", { refreshAt: clock.now() - 10 });
    await clock.advance(1999);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
  });

  it("starts with the next get when the timer slept, and does not make the caller wait", async () => {
    const { clock, refreshing, load, calls } = controlled();
    await load("one");
    clock.sleep(3_600_000);
    expect(await refreshing.get()).toBe("one");
    expect(calls).toHaveLength(2);
  });

  it("leaves one timer behind, however often it is asked", async () => {
    const { clock, load } = controlled();
    await load("one");
    await load("two");
    await load("three");
    expect(clock.pending).toBe(1);
  });
});

describe("a failure", () => {
  it("keeps the last good value and shows the error", async () => {
    const { clock, refreshing, load, fail } = controlled();
    await load("one");
    await clock.advance(60_000);
    const error = new Error("down");
    await fail(error);
    expect(await refreshing.get()).toBe("one");
    expect(refreshing.state()).toMatchObject({ freshness: "stale", lastError: error });
  });

  it("is thrown to every caller who waited", async () => {
    const { refreshing, fail } = controlled();
    const waiting = [refreshing.get(), refreshing.get()];
    const seen = Promise.allSettled(waiting);
    await fail(new Error("down"));
    expect((await seen).map((outcome) => outcome.status)).toEqual(["rejected", "rejected"]);
  });

  it("is answered from memory during the cooldown: an outage causes no stampede", async () => {
    const { clock, refreshing, fail, calls } = controlled({ cooldownMs: 1000 });
    const first = refreshing.get();
    first.catch(() => {});
    await fail(new Error("down"));
    await expect(first).rejects.toThrow("down");
    await expect(refreshing.get()).rejects.toThrow("down");
    expect(calls).toHaveLength(1);
    await clock.advance(1000);
    expect(calls).toHaveLength(2);
  });

  it("is retried after waits that double, up to the longest", async () => {
    const times: number[] = [];
    const clock = new ManualClock(0);
    const refreshing = new Refreshing<string>({
      name: "thing",
      clock,
      intervalMs: 60_000,
      jitter: 0,
      cooldownMs: 1000,
      maxCooldownMs: 5000,
      fetch: () => {
        times.push(clock.now());
        return Promise.reject(new Error("down"));
      },
    });
    await refreshing.refresh().catch(() => {});
    await clock.advance(17_000);
    expect(times).toEqual([0, 1000, 3000, 7000, 12_000, 17_000]);
  });

  it("that names a time is not retried before it, unless it is longer than the longest wait", async () => {
    const { clock, refreshing, calls, fail } = controlled({ maxCooldownMs: 20_000 });
    refreshing.get().catch(() => {});
    await fail(new GatewayError("trust_unavailable", "throttled", { retryAfterSeconds: 15 }));
    await clock.advance(14_999);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
    await fail(new GatewayError("trust_unavailable", "throttled", { retryAfterSeconds: 86_400 }));
    await clock.advance(20_000);
    expect(calls).toHaveLength(3);
  });

  it("is forgotten after the next success", async () => {
    const { clock, refreshing, fail, answer } = controlled();
    refreshing.get().catch(() => {});
    await fail(new Error("down"));
    await clock.advance(1000);
    await answer("one");
    expect(refreshing.state()).toEqual({
      name: "thing",
      freshness: "fresh",
      fetchedAt: clock.now(),
      nextFetchAt: clock.now() + 60_000,
    });
  });

  it("is reported once a fetch, not once a caller", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const { refreshing, fail } = controlled({ onError });
    const waiting = Promise.allSettled([refreshing.get(), refreshing.get(), refreshing.get()]);
    await fail(new Error("down"));
    await waiting;
    expect(onError).toHaveBeenCalledTimes(1);
  });

  it("thrown by a fetch that is not even async is a failure like any other", async () => {
    const { refreshing } = controlled({
      fetch: () => {
        throw new Error("at once");
      },
    });
    await expect(refreshing.get()).rejects.toThrow("at once");
    expect(refreshing.state().freshness).toBe("empty");
  });
});

describe("the time limit", () => {
  it("fails a fetch that never ends, and frees the way for the next", async () => {
    const { clock, refreshing, calls, load } = controlled({ timeoutMs: 5000 });
    const first = refreshing.get();
    first.catch(() => {});
    await clock.advance(5000);
    await expect(first).rejects.toThrow("thing: no answer within 5000 ms");
    expect(calls[0]?.signal.aborted).toBe(true);
    await load("one");
    expect(refreshing.usable()).toBe("one");
  });

  it("says so even when the fetch heeds its signal with an error of its own", async () => {
    const { clock, refreshing } = controlled({
      timeoutMs: 5000,
      fetch: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(new Error("This operation was aborted")));
        }),
    });
    const first = refreshing.get();
    first.catch(() => {});
    await clock.advance(5000);
    await expect(first).rejects.toThrow("no answer within 5000 ms");
  });

  it("drops an answer that comes after it", async () => {
    const { clock, refreshing, calls } = controlled({ timeoutMs: 5000 });
    refreshing.get().catch(() => {});
    await clock.advance(5000);
    calls[0]?.resolve({ value: "late" });
    await settle();
    expect(refreshing.usable()).toBeUndefined();
  });

  it("leaves no timer behind when the fetch was in time", async () => {
    const { clock, load } = controlled({ timeoutMs: 5000 });
    await load("one");
    expect(clock.pending).toBe(1);
  });
});

describe("a caller's abort", () => {
  it("ends that caller's wait with the signal's reason; the others get the value", async () => {
    const { refreshing, answer, last } = controlled();
    const leaving = new AbortController();
    const gone = refreshing.get(leaving.signal);
    gone.catch(() => {});
    const staying = refreshing.get(new AbortController().signal);
    leaving.abort(new Error("caller left"));
    await expect(gone).rejects.toThrow("caller left");
    expect(last().signal.aborted).toBe(false);
    await answer("one");
    expect(await staying).toBe("one");
  });

  it("before the call fetches nothing", async () => {
    const { refreshing, calls } = controlled();
    await expect(refreshing.get(AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
    expect(calls).toHaveLength(0);
  });

  it("by the only caller does not leave an unhandled rejection when the fetch fails later", async () => {
    const { refreshing, fail } = controlled();
    const leaving = new AbortController();
    const gone = refreshing.get(leaving.signal);
    gone.catch(() => {});
    leaving.abort();
    await settle();
    // vitest fails the run on an unhandled rejection.
    await fail(new Error("down"));
    await expect(gone).rejects.toThrow("aborted");
  });
});

describe("the report of a value", () => {
  it("comes when the value can be read already", async () => {
    const seen: unknown[] = [];
    const parts = controlled({
      onValue: (value) => seen.push([value, parts.refreshing.usable(), parts.refreshing.state().freshness]),
    });
    await parts.load("one");
    expect(seen).toEqual([["one", "one", "fresh"]]);
  });

  it("that throws is reported, and the value is kept", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const { refreshing, load } = controlled({
      onError,
      onValue: () => {
        throw new Error("listener");
      },
    });
    await load("one");
    expect(refreshing.usable()).toBe("one");
    expect(refreshing.state().freshness).toBe("fresh");
    expect(onError).toHaveBeenCalledTimes(1);
  });
});

describe("the state", () => {
  it("turns stale when the refresh is overdue without having failed", async () => {
    const { clock, refreshing, load } = controlled();
    await load("one");
    clock.sleep(60_000 + 59_999);
    expect(refreshing.state().freshness).toBe("fresh");
    clock.sleep(1);
    expect(refreshing.state().freshness).toBe("stale");
  });
});

describe("stop", () => {
  it("ends timers, keeps the last value readable and fetches no more", async () => {
    const { clock, refreshing, load, calls } = controlled();
    await load("one");
    refreshing.stop();
    expect(clock.pending).toBe(0);
    await clock.advance(3_600_000);
    expect(calls).toHaveLength(1);
    expect(refreshing.usable()).toBe("one");
    await expect(refreshing.refresh()).rejects.toThrow("thing: stopped");
    expect(refreshing.state().freshness).not.toBe("empty");
  });

  it("aborts the fetch under way and reports no error for it", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const { refreshing, last, clock } = controlled({ onError, timeoutMs: 5000 });
    const waiting = refreshing.get();
    waiting.catch(() => {});
    refreshing.stop();
    await expect(waiting).rejects.toThrow("thing: stopped");
    expect(last().signal.aborted).toBe(true);
    expect(onError).not.toHaveBeenCalled();
    expect(clock.pending).toBe(0);
  });
});
