import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { createTokenKeeper } from "../../src/credential/token-keeper.ts";
import type { AccessTokens, TokenCheck } from "../../src/dev/azure/access-tokens.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { GatewayError } from "../../src/kernel/errors.ts";
import type { TokenSource } from "../../src/model/token-source.ts";
import { ManualClock } from "./manual-clock.ts";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.ts";

/** One way to a token, as the suite drives it. */
export interface TokenCredentialSubject {
  readonly name: string;
  /** A credential of its own, and a resource that nobody asked for before. */
  make(): Promise<{ readonly source: TokenSource; readonly resource: string }>;
  readonly tokens: () => AccessTokens;
  /** How often its issuer was asked for a token. */
  readonly requests: () => number;
  /** Seconds for tokens from now on. */
  setLifetime(seconds: number): void | Promise<void>;
  /** From now on it fails, quickly. */
  fail(): void | Promise<void>;
  /** The next request takes so much longer. */
  delay?(ms: number): void;
  /** All is well again. */
  clear(): void | Promise<void>;
  /** Whether a token that was revoked early can be replaced: the host's own cache keeps the old one otherwise. */
  readonly renews: boolean;
  /** What must not stand in any log or error. */
  readonly secrets: () => readonly string[];
}

/** So long that nothing is near its end, and none of the SDK's caches empties. */
const long = 86_400;
/** Shorter than five minutes: the SDK keeps none of these, so each refresh really asks. */
const short = 200;

export function describeTokenCredential(subject: TokenCredentialSubject): void {
  const keep = (
    { source, resource }: { readonly source: TokenSource; readonly resource: string },
    logger: RecordingLogger = createRecordingLogger(),
    clock: Clock = systemClock,
  ) =>
    createTokenKeeper({
      name: "main",
      clock,
      logger,
      fetchToken: (abortSignal, renew) => source.getToken(`${resource}/.default`, { abortSignal, renew }),
    });
  const verdict = (headers: readonly string[], resource: string): TokenCheck =>
    subject.tokens().check(headers[1], [resource]);

  describe(`${subject.name} behind the token keeper`, () => {
    afterEach(async () => {
      await subject.clear();
      await subject.setLifetime(long);
    });

    it("gives a header that the service accepts", async () => {
      const made = await subject.make();
      const headers = await keep(made).headers();
      expect(headers[0]).toBe("authorization");
      expect(verdict(headers, made.resource)).toBe("good");
    });

    it("asks its issuer once for ten thousand first requests", async () => {
      const made = await subject.make();
      const before = subject.requests();
      const keeper = keep(made);
      const all = await Promise.all(Array.from({ length: 10_000 }, () => keeper.headers()));
      expect(new Set(all.map(([, value]) => value)).size).toBe(1);
      expect(subject.requests() - before).toBe(1);
    });

    it("replaces a token ahead of its end, keeps it through an outage, and recovers", async () => {
      await subject.setLifetime(short);
      const made = await subject.make();
      const clock = new ManualClock(Date.now());
      const logger = createRecordingLogger();
      const keeper = keep(made, logger, clock);
      // Small steps: the fetch's time limit runs on this clock, its network on the real one.
      const step = async () => {
        await clock.advance(200);
        return keeper.state().freshness;
      };
      const first = await keeper.headers();
      await subject.fail();
      await clock.advance(110_000);
      await expect.poll(step, { interval: 30, timeout: 8000 }).toBe("stale");
      expect(await keeper.headers()).toBe(first);
      expect(logger.lines.at(-1)).toMatchObject({
        level: "warn",
        message: expect.stringContaining("what is at hand is still used"),
      });
      await subject.clear();
      await expect.poll(step, { interval: 30, timeout: 8000 }).toBe("fresh");
      const next = await keeper.headers();
      expect(next).not.toBe(first);
      expect(verdict(next, made.resource)).toBe("good");
      keeper.stop();
    });

    it("is unavailable while there is no token, fails fast, and tells no secret", async () => {
      await subject.fail();
      const made = await subject.make();
      const logger = createRecordingLogger();
      const keeper = keep(made, logger);
      const first = await keeper.headers().catch((error: unknown) => error);
      const asked = subject.requests();
      const second = await keeper.headers().catch((error: unknown) => error);
      expect(subject.requests()).toBe(asked);
      for (const error of [first, second]) {
        expect(error).toBeInstanceOf(GatewayError);
        expect(error).toMatchObject({ code: "credential_unavailable" });
      }
      expect(keeper.state().freshness).toBe("empty");
      expect(logger.lines[0]).toMatchObject({ level: "error", message: "the credential is unavailable" });
      const everything = inspect([first, second, logger.lines, keeper.state()], {
        depth: 12,
        showHidden: true,
        maxStringLength: null,
      });
      for (const secret of subject.secrets()) expect(everything).not.toContain(secret);
      expect(everything).not.toMatch(/eyJ[\w-]{10,}\.|PRIVATE KEY/);
      keeper.stop();
    });

    it.runIf(subject.delay !== undefined)(
      "lets one waiter leave; the others share the same request",
      async () => {
        const made = await subject.make();
        const before = subject.requests();
        const keeper = keep(made);
        subject.delay?.(150);
        const leaving = new AbortController();
        const gone = keeper.headers(undefined, leaving.signal);
        const staying = keeper.headers();
        leaving.abort(new Error("the client left"));
        await expect(gone).rejects.toThrow("the client left");
        expect(verdict(await staying, made.resource)).toBe("good");
        expect(subject.requests() - before).toBe(1);
      },
    );

    /** A token that was refused two seconds after it came, and what its keeper has afterwards. */
    async function refuseEarly() {
      const made = await subject.make();
      const logger = createRecordingLogger();
      let offset = 0;
      const clock: Clock = {
        ...systemClock,
        now: () => Date.now() + offset,
        monotonic: () => performance.now() + offset,
      };
      const keeper = keep(made, logger, clock);
      const first = await keeper.headers();
      const tooEarly = keeper.refused(first);
      offset = 2000;
      const before = subject.requests();
      const retries = [keeper.refused(first), keeper.refused(first)];
      const [second, third] = await Promise.all([keeper.headers(), keeper.headers()]);
      const requests = subject.requests() - before;
      const late = keeper.refused(first);
      offset = 20_000;
      const again = keeper.refused(second);
      keeper.stop();
      expect({ tooEarly, retries, again }).toEqual({ tooEarly: false, retries: [true, true], again: false });
      expect(third[1]).toBe(second[1]);
      expect(logger.lines[0]?.message).toMatch(/refused the credential before its end/);
      return { made, first: first[1], second, requests, late, told: logger.lines[1]?.message };
    }

    it.runIf(subject.renews)(
      "replaces a token that a backend refuses early, once for all who had it",
      async () => {
        const { made, first, second, requests, late } = await refuseEarly();
        expect(requests).toBe(1);
        expect(second[1]).not.toBe(first);
        expect(late).toBe(true);
        expect(verdict(second, made.resource)).toBe("good");
      },
    );

    it.runIf(!subject.renews)(
      "keeps a token that a backend refuses early where its issuer gives the same again, and says so",
      async () => {
        const { first, second, requests, told } = await refuseEarly();
        expect(requests).toBe(0);
        expect(second[1]).toBe(first);
        expect(told).toMatch(/gives the same again/);
      },
    );
  });
}
