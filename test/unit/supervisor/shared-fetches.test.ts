import { describe, expect, it } from "vitest";
import { GatewayError } from "../../../src/kernel/errors.ts";
import { SharedFetches } from "../../../src/supervisor/shared-fetches.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function setUp(options: { maximum?: number } = {}) {
  const clock = new ManualClock();
  const fetches = new SharedFetches({ clock, keepMs: 1000, timeoutMs: 5000, ...options });
  let count = 0;
  const fetch = async () => `answer ${(count += 1)}`;
  return { clock, fetches, fetch, count: () => count };
}

describe("SharedFetches", () => {
  it("fetches once for all who ask at the same time", async () => {
    const { fetches, fetch, count } = setUp();
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetches.get("a", fetch)));
    expect(new Set(answers)).toEqual(new Set(["answer 1"]));
    expect(count()).toBe(1);
  });

  it("gives the answer to those who ask soon afterwards, and fetches for those who ask later", async () => {
    const { clock, fetches, fetch } = setUp();
    await fetches.get("a", fetch);
    await clock.advance(999);
    expect(await fetches.get("a", fetch)).toBe("answer 1");
    await clock.advance(1);
    expect(await fetches.get("a", fetch)).toBe("answer 2");
  });

  it.each([-86_400_000, 86_400_000])(
    "keeps an answer for its time, though the clock is set by %i ms",
    async (byMs) => {
      const { clock, fetches, fetch } = setUp();
      await fetches.get("a", fetch);
      clock.set(byMs);
      expect(await fetches.get("a", fetch)).toBe("answer 1");
      clock.sleep(1000);
      expect(await fetches.get("a", fetch)).toBe("answer 2");
    },
  );

  it("keeps keys apart", async () => {
    const { fetches, fetch } = setUp();
    expect([await fetches.get("a", fetch), await fetches.get("b", fetch)]).toEqual(["answer 1", "answer 2"]);
  });

  it("tells of a value once, before anybody has it", async () => {
    const { fetches, fetch } = setUp();
    const heard: string[] = [];
    const ask = async () => heard.push(`got ${await fetches.get("a", fetch, (value) => heard.push(value))}`);
    await Promise.all([ask(), ask()]);
    expect(heard).toEqual(["answer 1", "got answer 1", "got answer 1"]);
  });

  it("shares a failure, for a time that doubles while it lasts", async () => {
    const { clock, fetches } = setUp();
    let calls = 0;
    const fail = async () => {
      calls += 1;
      throw new Error(`failure ${calls}`);
    };
    const ask = () => fetches.get("a", fail);
    await Promise.all([
      expect(ask()).rejects.toThrow("failure 1"),
      expect(ask()).rejects.toThrow("failure 1"),
    ]);
    await clock.advance(499);
    await expect(ask()).rejects.toThrow("failure 1");
    await clock.advance(1);
    await expect(ask()).rejects.toThrow("failure 2");
    await clock.advance(999);
    await expect(ask()).rejects.toThrow("failure 2");
    await clock.advance(1);
    await expect(ask()).rejects.toThrow("failure 3");
    // Never longer than an answer is kept.
    await clock.advance(1000);
    await expect(ask()).rejects.toThrow("failure 4");
  });

  it("leaves a source alone for as long as it asks", async () => {
    const { clock, fetches, fetch, count } = setUp();
    const throttled = async () => {
      throw new GatewayError("trust_unavailable", "slow down", { retryAfterSeconds: 7 });
    };
    await expect(fetches.get("a", throttled)).rejects.toThrow("slow down");
    await clock.advance(6999);
    await expect(fetches.get("a", fetch)).rejects.toMatchObject({ code: "trust_unavailable" });
    expect(count()).toBe(0);
    await clock.advance(1);
    expect(await fetches.get("a", fetch)).toBe("answer 1");
  });

  it("ends a fetch that takes too long, also one that does not heed its signal", async () => {
    const { clock, fetches } = setUp();
    let signal: AbortSignal | undefined;
    const answer = fetches.get("the vault", (given) => {
      signal = given;
      return new Promise<string>(() => {});
    });
    answer.catch(() => {});
    await clock.advance(5000);
    await expect(answer).rejects.toThrow("the vault: no answer within 5000 ms");
    expect(signal?.aborted).toBe(true);
  });

  it("forgets by itself, so that no secret stays where nobody asks for it", async () => {
    const { clock, fetches, fetch } = setUp();
    await fetches.get("a", fetch);
    expect(clock.pending).toBe(1);
    await clock.advance(1000);
    expect(clock.pending).toBe(0);
  });

  it("keeps no more answers than it may", async () => {
    const { fetches, fetch } = setUp({ maximum: 2 });
    for (const key of ["a", "b", "c"]) await fetches.get(key, fetch);
    expect(await fetches.get("c", fetch)).toBe("answer 3");
    expect(await fetches.get("a", fetch)).toBe("answer 4");
  });

  it("counts the failures of no more keys than it may: the pause of one that is forgotten begins anew", async () => {
    const { clock, fetches } = setUp({ maximum: 2 });
    let calls = 0;
    const fail = async (key: string) => {
      const asked = fetches.get(key, async () => Promise.reject(new Error(`failure ${(calls += 1)}`)));
      await asked.catch(() => {});
      await clock.advance(500);
    };
    for (const key of ["a", "b", "c"]) await fail(key);
    await fail("a");
    await fail("a");
    expect(calls).toBe(5);
    await fail("a");
    expect(calls).toBe(5);
  });
});
