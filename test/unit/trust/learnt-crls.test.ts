import { beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority } from "../../../src/dev/pki/authority.ts";
import { LearntCrls, type LearntCrlsOptions } from "../../../src/trust/learnt-crls.ts";
import { keepCrls } from "../../../src/trust/kept-sources.ts";
import { readCrlsHere } from "../../../src/trust/crl-reader.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { ScriptedSource } from "../../support/scripted-source.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const url = "http://crl.example/ca.crl";

let authority: Authority;
let other: Authority;
beforeAll(async () => {
  authority = await createAuthority({ subject: "CN=CA" });
  other = await createAuthority({ subject: "CN=Other" });
});

async function setUp(options: Partial<LearntCrlsOptions> = {}) {
  const clock = new ManualClock(Date.now());
  const logger = createRecordingLogger();
  const { der } = await authority.crl({ nextUpdate: new Date(clock.now() + day) });
  const sources = new Map<string, ScriptedSource>();
  const at = (where: string): ScriptedSource => {
    const source = sources.get(where) ?? new ScriptedSource(`url ${where}`, der);
    sources.set(where, source);
    return source;
  };
  let changes = 0;
  const learnt = new LearntCrls({
    clock,
    logger,
    sourceAt: at,
    keep: (source) =>
      keepCrls(source, () => [], {
        clock,
        logger,
        refreshMs: hour,
        maxStaleMs: hour,
        crlRefreshMs: 10 * minute,
        crlReader: readCrlsHere,
        onChange: () => void (changes += 1),
        random: () => 0,
      }),
    ...options,
  });
  const issuers = () => learnt.usable().map(({ crl }) => crl.issuer.text);
  const ask = () =>
    learnt.usable().forEach(({ crl }) => crl.lookup({ issuer: crl.issuer, serial: Buffer.of(1) }));
  return { clock, logger, sources, at, learnt, issuers, ask, changes: () => changes };
}

describe("a distribution point that a decision lacked", () => {
  it("is fetched and kept, and is news once", async () => {
    const { learnt, issuers, at, changes } = await setUp();
    expect(await learnt.fetch([url])).toBe(true);
    expect(issuers()).toEqual(["CN=CA"]);
    expect(changes()).toBe(1);
    expect(await learnt.fetch([url])).toBe(false);
    expect(at(url).calls).toBe(1);
  });

  it("is fetched once for all who wait for it", async () => {
    const { learnt, at } = await setUp();
    expect(
      await Promise.all([learnt.fetch([url]), learnt.fetch([url, url]), learnt.fetch([`${url}#x`])]),
    ).toEqual([true, true, true]);
    expect(at(url).calls).toBe(1);
  });

  it("is refreshed like a configured one", async () => {
    const { learnt, at, clock, changes } = await setUp();
    await learnt.fetch([url]);
    const next = await authority.crl({ number: 2, thisUpdate: new Date(clock.now()) });
    at(url).gives(next.der);
    await clock.advance(10 * minute);
    await expect.poll(changes).toBe(2);
    expect(learnt.usable()[0]?.crl.crlNumber).toBe(2n);
  });

  it("is not waited for longer than a few seconds, and used when it comes later", async () => {
    const { learnt, at, clock, issuers } = await setUp();
    const gate = Promise.withResolvers<void>();
    const { der } = await authority.crl();
    at(url).fetch = async () => {
      await gate.promise;
      return [der];
    };
    const waiting = learnt.fetch([url]);
    await clock.advance(5_000);
    expect(await waiting).toBe(false);
    expect(issuers()).toEqual([]);
    gate.resolve();
    await expect.poll(issuers).toEqual(["CN=CA"]);
  });

  it("that fails is left alone for a while, by itself and by whoever asks, and then tried again", async () => {
    const { learnt, at, clock } = await setUp();
    at(url).fails();
    expect(await learnt.fetch([url])).toBe(false);
    expect(await learnt.fetch([url])).toBe(false);
    await clock.advance(29_000);
    expect(await learnt.fetch([url])).toBe(false);
    expect(at(url).calls).toBe(1);
    at(url).gives((await authority.crl()).der);
    await clock.advance(1_000);
    expect(await learnt.fetch([url])).toBe(true);
  });

  it.each([
    "ftp://crl.example/ca.crl",
    "file:///etc/passwd",
    "ldap://directory.example/cn=ca",
    "http://user:secret@crl.example/ca.crl",
    "not a URL",
    `http://crl.example/${"a".repeat(3000)}`,
  ])("is not followed to %s", async (strange) => {
    const { learnt, sources } = await setUp();
    expect(await learnt.fetch([strange])).toBe(false);
    expect(sources.size).toBe(0);
  });
});

describe("the number of distribution points", () => {
  it("is bounded for one certificate", async () => {
    const { learnt, sources } = await setUp();
    await learnt.fetch(Array.from({ length: 50 }, (_, i) => `http://crl.example/${i}`));
    expect(sources.size).toBe(8);
  });

  it("is bounded in all, loudly, and those in use stay", async () => {
    const { learnt, sources, logger, ask } = await setUp({ maximum: 2 });
    await learnt.fetch(["http://a.example/", "http://b.example/"]);
    ask();
    expect(await learnt.fetch(["http://c.example/"])).toBe(false);
    expect([...sources.keys()]).toEqual(["http://a.example/", "http://b.example/"]);
    expect(logger.lines.filter(({ level }) => level === "warn")).toMatchObject([
      { fields: { url: "http://c.example/", maximum: 2 } },
    ]);
  });
});

describe("a learnt CRL", () => {
  it("is forgotten when no decision asked it within an hour of its arrival", async () => {
    const { learnt, clock, issuers, at } = await setUp();
    await learnt.fetch([url]);
    await clock.advance(59 * minute);
    expect(issuers()).toEqual(["CN=CA"]);
    await clock.advance(31 * minute);
    expect(issuers()).toEqual([]);
    const { calls } = at(url);
    await clock.advance(day);
    expect(at(url).calls).toBe(calls);
  });

  it("stays while verdicts may rest on it, and goes when its successor is not asked any more", async () => {
    const { learnt, clock, issuers, at, ask } = await setUp();
    await learnt.fetch([url]);
    ask();
    await clock.advance(20 * hour);
    expect(issuers()).toEqual(["CN=CA"]);
    const next = await authority.crl({ number: 2, thisUpdate: new Date(clock.now()) });
    at(url).gives(next.der);
    await clock.advance(2 * hour);
    expect(issuers()).toEqual([]);
  });

  it("of one place does not disturb that of another", async () => {
    const { learnt, at, issuers } = await setUp();
    at("http://b.example/").gives((await other.crl()).der);
    at("http://c.example/").fails();
    expect(await learnt.fetch([url, "http://b.example/", "http://c.example/"])).toBe(true);
    expect(issuers()).toEqual(["CN=CA", "CN=Other"]);
  });

  it("leaves no timer behind when everything stops", async () => {
    const { learnt, clock, at } = await setUp();
    await learnt.fetch([url]);
    learnt.stop();
    await settle();
    expect(clock.pending).toBe(0);
    expect(await learnt.fetch(["http://b.example/"])).toBe(false);
    expect(at("http://b.example/").calls).toBe(0);
  });
});
