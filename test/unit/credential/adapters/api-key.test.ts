import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { type ApiKeyOptions, createApiKeyCredential } from "../../../../src/credential/adapters/api-key.ts";
import type { OutboundCredential } from "../../../../src/credential/outbound-credential.ts";
import { GatewayError } from "../../../../src/kernel/errors.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { createRecordingLogger } from "../../../support/recording-logger.ts";

const request = { origin: "https://x", method: "GET", path: "/", headers: [], body: "unseen" } as const;

/** A credential whose sources hold what the test says; an Error is thrown. */
function world(kept: { primary: string | Error; secondary?: string | Error }) {
  const clock = new ManualClock();
  const logger = createRecordingLogger();
  const reads = { primary: 0, secondary: 0 };
  const source = (role: "primary" | "secondary") => ({
    name: `file ${role}`,
    async read() {
      reads[role] += 1;
      const value = kept[role];
      if (value instanceof Error) throw value;
      return value ?? "";
    },
  });
  const options: ApiKeyOptions = {
    name: "main",
    clock,
    logger,
    primary: source("primary"),
    ...(kept.secondary === undefined ? {} : { secondary: source("secondary") }),
    refreshMs: 300_000,
  };
  const credential: OutboundCredential = createApiKeyCredential(options);
  credential.start();
  return { clock, logger, reads, credential, ask: () => credential.headers(request) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("an API key", () => {
  it("goes into the header api-key, from the primary source", async () => {
    const { ask, credential } = world({ primary: "first", secondary: "second" });
    expect(await ask()).toEqual(["api-key", "first"]);
    expect(credential.state()).toMatchObject({ name: "credential main", freshness: "fresh" });
  });

  it("is read once for ten thousand first requests", async () => {
    const { ask, reads } = world({ primary: "first" });
    await Promise.all(Array.from({ length: 10_000 }, ask));
    expect(reads.primary).toBe(1);
  });

  it("that changes in its source is taken up", async () => {
    const kept = { primary: "first" };
    const { ask, clock } = world(kept);
    await ask();
    kept.primary = "renewed";
    await clock.advance(300_000);
    expect(await ask()).toEqual(["api-key", "renewed"]);
  });

  it("is kept while its source does not answer", async () => {
    const kept: { primary: string | Error } = { primary: "first" };
    const { ask, clock, credential } = world(kept);
    await ask();
    kept.primary = new Error("the disk is gone");
    await clock.advance(300_000);
    expect(await ask()).toEqual(["api-key", "first"]);
    expect(credential.state().freshness).toBe("stale");
  });

  it("that is none is told, without its value", async () => {
    const { ask, logger } = world({ primary: "two words" });
    const error: unknown = await ask().catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: "credential_unavailable" });
    expect(inspect([error, logger.lines], { depth: 10 })).not.toContain("two words");
  });

  it("is not waited for by who left", async () => {
    const { credential } = world({ primary: "first" });
    const gone = AbortSignal.abort(new Error("left"));
    await expect(credential.headers(request, gone)).rejects.toThrow("left");
  });
});

describe("two API keys", () => {
  it("a refused primary gives way to the secondary, once for all who used it, and it is said", async () => {
    const { ask, credential, logger } = world({ primary: "first", secondary: "second" });
    const first = await ask();
    await settle();
    expect(Array.from({ length: 100 }, () => credential.refused(first))).not.toContain(false);
    expect(await ask()).toEqual(["api-key", "second"]);
    expect(logger.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      "warn: the secondary key is used from now on",
    ]);
    expect(inspect(logger.lines)).not.toMatch(/"first"|'first'|'second'/);
  });

  it("when both are refused, the backend's 401 is passed on: no flapping, and one look a half-minute", async () => {
    const { ask, credential, reads, clock, logger } = world({ primary: "first", secondary: "second" });
    const first = await ask();
    await settle();
    credential.refused(first);
    const second = await ask();
    expect(credential.refused(second)).toBe(true);
    await settle();
    const before = { ...reads };
    const seen = new Set<string | undefined>();
    for (let round = 0; round < 50; round += 1) {
      const headers = await ask();
      seen.add(headers[1]);
      expect(credential.refused(headers)).toBe(false);
    }
    expect([...seen]).toEqual(["second"]);
    expect(reads).toEqual(before);
    expect(logger.lines.filter(({ message }) => message.includes("both keys"))).toHaveLength(1);
    await clock.advance(30_000);
    expect(credential.refused(await ask())).toBe(true);
  });

  it("a key that was replaced in its source is used when the other is refused", async () => {
    const kept = { primary: "first", secondary: "second" };
    const { ask, credential, clock } = world(kept);
    await settle();
    credential.refused(await ask());
    kept.primary = "renewed";
    await clock.advance(300_000);
    expect(await ask()).toEqual(["api-key", "second"]);
    expect(credential.refused(await ask())).toBe(true);
    expect(await ask()).toEqual(["api-key", "renewed"]);
  });

  it("a new key is found at once when both that are known are refused", async () => {
    const kept = { primary: "first", secondary: "second" };
    const { ask, credential } = world(kept);
    await settle();
    credential.refused(await ask());
    kept.primary = "renewed";
    expect(credential.refused(await ask())).toBe(true);
    expect(await ask()).toEqual(["api-key", "renewed"]);
  });

  it("the secondary is used while there is no primary", async () => {
    const { ask } = world({ primary: new Error("not set"), secondary: "second" });
    await settle();
    expect(await ask()).toEqual(["api-key", "second"]);
  });
});
