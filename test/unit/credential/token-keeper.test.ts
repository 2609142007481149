import { describe, expect, it } from "vitest";
import { createTokenKeeper } from "../../../src/credential/token-keeper.ts";
import { GatewayError } from "../../../src/kernel/errors.ts";
import type { AccessToken } from "../../../src/model/token-source.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

const hour = 3_600_000;

/** An issuer whose next answer the test chooses. */
function issuer() {
  const clock = new ManualClock();
  const logger = createRecordingLogger();
  let answer: () => Promise<AccessToken | null | undefined> = () => token("one");
  let calls = 0;
  const token = (text: string, lifeMs = hour) =>
    Promise.resolve({ token: text, expiresOnTimestamp: clock.now() + lifeMs });
  const keeper = createTokenKeeper({
    name: "main",
    clock,
    logger,
    random: () => 0,
    fetchToken: () => {
      calls += 1;
      return answer();
    },
  });
  return {
    clock,
    logger,
    keeper,
    token,
    calls: () => calls,
    answers: (next: typeof answer) => {
      answer = next;
    },
  };
}

async function fault(promise: Promise<unknown>): Promise<GatewayError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("the token keeper", () => {
  it("gives the bearer header as a flat pair", async () => {
    expect(await issuer().keeper.headers()).toEqual(["authorization", "Bearer one"]);
  });

  it("fetches once for a hundred callers at the same time", async () => {
    const { keeper, calls } = issuer();
    await Promise.all(Array.from({ length: 100 }, () => keeper.headers()));
    expect(calls()).toBe(1);
  });

  it("fetches before the first request when it is started", async () => {
    const { keeper, calls } = issuer();
    keeper.start();
    await settle();
    expect(calls()).toBe(1);
    expect(keeper.state().freshness).toBe("fresh");
  });

  it("replaces the token in the background before it ends", async () => {
    const { clock, keeper, answers, token, calls } = issuer();
    await keeper.headers();
    answers(() => token("two"));
    await clock.advance((hour * 2) / 3);
    expect(calls()).toBe(2);
    expect(await keeper.headers()).toEqual(["authorization", "Bearer two"]);
  });

  it("uses the token while it is valid, whatever the issuer does, and says so once a try", async () => {
    const { clock, keeper, answers, logger } = issuer();
    await keeper.headers();
    answers(() => Promise.reject(new Error("endpoint reset")));
    await clock.advance(58 * 60_000);
    expect(await keeper.headers()).toEqual(["authorization", "Bearer one"]);
    expect(keeper.state()).toMatchObject({ freshness: "stale" });
    expect(logger.lines.at(-1)).toMatchObject({
      level: "warn",
      fields: { credential: "main", reason: "endpoint reset" },
    });
  });

  it("does not make a caller wait for a refresh that hangs", async () => {
    const { clock, keeper, answers } = issuer();
    await keeper.headers();
    answers(() => new Promise(() => {}));
    await clock.advance((hour * 2) / 3);
    expect(await keeper.headers()).toEqual(["authorization", "Bearer one"]);
  });

  it("fails when the last token ended, with the way to retry and the cause for the log", async () => {
    const { clock, keeper, answers } = issuer();
    await keeper.headers();
    answers(() => Promise.reject(new Error("endpoint reset")));
    await clock.advance(59 * 60_000);
    const error = await fault(keeper.headers());
    expect(error.code).toBe("credential_unavailable");
    expect(error.cause).toMatchObject({ message: "endpoint reset" });
    expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    expect(error.retryAfterSeconds).toBeLessThanOrEqual(30);
  });

  it("recovers within thirty seconds of the issuer's recovery, however long the outage was", async () => {
    const { clock, keeper, answers, token, logger } = issuer();
    answers(() => Promise.reject(new Error("down")));
    keeper.start();
    await clock.advance(6 * hour);
    answers(() => token("back"));
    await clock.advance(30_000);
    expect(await keeper.headers()).toEqual(["authorization", "Bearer back"]);
    expect(logger.lines.at(-1)).toMatchObject({ level: "info", message: "the credential works again" });
  });

  it("asks the issuer once for a storm of callers during an outage", async () => {
    const { keeper, answers, calls } = issuer();
    answers(() => Promise.reject(new Error("down")));
    await fault(keeper.headers());
    await Promise.all(Array.from({ length: 100 }, () => fault(keeper.headers())));
    expect(calls()).toBe(1);
  });

  it("ends a fetch that never answers", async () => {
    const { clock, keeper, answers } = issuer();
    answers(() => new Promise(() => {}));
    const waiting = fault(keeper.headers());
    await clock.advance(10_000);
    expect(await waiting).toMatchObject({ code: "credential_unavailable" });
  });

  it.each<[string, () => Promise<AccessToken | null | undefined>]>([
    ["no answer", () => Promise.resolve(undefined)],
    ["null", () => Promise.resolve(null)],
    ["an empty token", () => Promise.resolve({ token: "", expiresOnTimestamp: Infinity })],
    ["a token with a line break", () => Promise.resolve({ token: "a\r\nx: y", expiresOnTimestamp: 2 ** 42 })],
    ["a token without an end", () => Promise.resolve({ token: "a", expiresOnTimestamp: Number.NaN })],
    ["a token that expired", () => Promise.resolve({ token: "a", expiresOnTimestamp: 1 })],
  ])("refuses %s", async (_, answer) => {
    const { keeper, answers } = issuer();
    answers(answer);
    expect((await fault(keeper.headers())).code).toBe("credential_unavailable");
  });

  it("ends one caller's wait at its abort, with its reason, and serves the others", async () => {
    const { keeper, answers, token, calls } = issuer();
    const { promise, resolve } = Promise.withResolvers<AccessToken>();
    answers(() => promise);
    const leaving = new AbortController();
    const gone = keeper.headers(undefined, leaving.signal);
    const staying = keeper.headers();
    leaving.abort(new Error("the client left"));
    await expect(gone).rejects.toThrow("the client left");
    await expect(gone).rejects.not.toBeInstanceOf(GatewayError);
    resolve(await token("one"));
    expect(await staying).toEqual(["authorization", "Bearer one"]);
    expect(calls()).toBe(1);
  });

  it("writes no token into any log line", async () => {
    const { clock, keeper, answers, logger } = issuer();
    await keeper.headers();
    answers(() => Promise.resolve({ token: "two", expiresOnTimestamp: 1 }));
    await clock.advance(hour);
    expect(logger.lines.length).toBeGreaterThan(0);
    expect(JSON.stringify(logger.lines)).not.toMatch(/one|two/);
  });
});
