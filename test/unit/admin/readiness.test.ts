import { describe, expect, it } from "vitest";
import { readinessOf } from "../../../src/admin/readiness.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { Refreshing } from "../../../src/kernel/refreshing.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function setUp() {
  const clock = new ManualClock();
  const source = { fails: undefined as Error | undefined };
  const token = new Refreshing({
    name: "credential azure",
    clock,
    intervalMs: 60_000,
    jitter: 0,
    fetch: () => {
      if (source.fails !== undefined) return Promise.reject(source.fails);
      return Promise.resolve({ value: "value", expiresAt: clock.now() + 3_600_000 });
    },
  });
  return { clock, source, token, item: () => readinessOf(token.state(), clock) };
}

describe("readinessOf", () => {
  it("is not ready before the first fetch", () => {
    expect(setUp().item()).toEqual({ name: "credential azure", ok: false, detail: "not fetched yet" });
  });

  it("tells why the first fetch failed", async () => {
    const { source, token, item } = setUp();
    source.fails = new GatewayError("credential_unavailable", "no token", {
      cause: new Error("connect refused"),
    });
    await expect(token.get()).rejects.toThrow("no token");
    expect(item()).toEqual({
      name: "credential azure",
      ok: false,
      detail: "never fetched: no token: connect refused",
    });
  });

  it("is ready with a fresh value, and tells its age and end", async () => {
    const { clock, token, item } = setUp();
    await token.get();
    clock.sleep(12_900);
    expect(item()).toEqual({ name: "credential azure", ok: true, ageSeconds: 12, expiresInSeconds: 3587 });
  });

  it("is still ready with a stale value, and tells what fails", async () => {
    const { clock, source, token, item } = setUp();
    await token.get();
    source.fails = new Error("identity endpoint is gone");
    await clock.advance(120_000);
    expect(item()).toMatchObject({
      ok: true,
      ageSeconds: 120,
      detail: "the refresh fails, the last value is used: identity endpoint is gone",
    });
  });

  it("tells an overdue refresh, as after a sleep of the machine", async () => {
    const { clock, token, item } = setUp();
    await token.get();
    clock.sleep(600_000);
    expect(item()).toMatchObject({ ok: true, detail: "the refresh is overdue" });
  });

  it("is not ready with an expired value", async () => {
    const { clock, source, token, item } = setUp();
    await token.get();
    source.fails = new Error("identity endpoint is gone");
    await clock.advance(3_700_000);
    expect(item()).toMatchObject({
      ok: false,
      expiresInSeconds: -100,
      detail: "the last value may not be used any more: identity endpoint is gone",
    });
  });

  it("prints no secret out of an error", async () => {
    const { source, token, item } = setUp();
    source.fails = new Error("got 401 for Bearer abcdefgh12345678");
    await expect(token.get()).rejects.toThrow("401");
    expect(item().detail).toBe("never fetched: got 401 for Bearer [redacted]");
  });
});
