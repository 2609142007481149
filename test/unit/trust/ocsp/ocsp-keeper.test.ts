import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import {
  type Authority,
  createAuthority,
  type IssuedCertificate,
} from "../../../../src/dev/pki/authority.ts";
import { oid, sequence, tlv } from "../../../../src/dev/pki/der.ts";
import { type Certificate, parseCertificate } from "../../../../src/pki/certificate.ts";
import type { MissingRevocation } from "../../../../src/pki/path-failure.ts";
import { defaultPathRules } from "../../../../src/pki/verify-path.ts";
import { createOcspKeeper, type OcspKeeperOptions } from "../../../../src/trust/ocsp/ocsp-keeper.ts";
import { ManualClock, settle } from "../../../support/manual-clock.ts";
import {
  makeOcspResponse,
  ocspAccess,
  type ResponseOptions,
  type SingleOptions,
} from "../../../support/ocsp-responses.ts";
import { createRecordingLogger } from "../../../support/recording-logger.ts";

const minute = 60_000;
let ca: Authority;
let leaf: IssuedCertificate;
let certificate: Certificate;
let issuer: Certificate;
let clock: ManualClock;

beforeAll(async () => {
  ca = await createAuthority({ subject: "CN=CA" });
  leaf = await ca.issue({ subject: "CN=robot", extraExtensions: [ocspAccess("http://ocsp.example/")] });
  certificate = parseCertificate(leaf.certificate);
  issuer = parseCertificate(ca.certificate);
});
beforeEach(() => {
  clock = new ManualClock(Math.floor(Date.now() / 1000) * 1000);
});

type Reply = Partial<SingleOptions> & Partial<ResponseOptions>;

/** A responder that says what a test tells it, by the test's clock, and remembers what it was asked. */
function keeperWith(options: Partial<OcspKeeperOptions> = {}) {
  const asked: string[] = [];
  const control: { reply: Reply | Error | Promise<void> } = { reply: {} };
  const logger = createRecordingLogger();
  const keeper = createOcspKeeper({
    clock,
    logger,
    random: () => 0,
    noncePolicy: "required",
    timeoutMs: 5_000,
    maxAgeMs: 20 * minute,
    rules: defaultPathRules,
    transport: {
      async post(url, request) {
        asked.push(url);
        if (control.reply instanceof Promise) await control.reply;
        const { reply } = control;
        if (reply instanceof Error) throw reply;
        if (reply instanceof Promise) throw new Error("a test's mistake");
        const thisUpdate = new Date(clock.now());
        const nextUpdate = new Date(clock.now() + 60 * minute);
        return makeOcspResponse({
          issuer: ca,
          nonce: request.subarray(-32),
          ...reply,
          answers: [{ serial: leaf.serial, thisUpdate, nextUpdate, ...reply }],
        });
      },
    },
    ...options,
  });
  onTestFinished(() => keeper.stop());
  const status = (of = certificate) => keeper.source.statusOf(of, issuer, clock.now());
  return { keeper, asked, control, logger, status };
}

const missing = (of = certificate): MissingRevocation => ({
  certificate: of,
  issuerCertificate: issuer,
  subject: of.subject.text,
  issuer: of.issuer.text,
  serial: of.serialHex,
  crlUrls: [],
  ocspUrls: of.known.ocspUrls ?? [],
});

const revoked = () => ({ status: { revokedAt: new Date(clock.now()), reason: 1 } });

describe("OCSP answers that are kept", () => {
  it("are unknown and worth fetching before anybody asked, and asking makes them known", async () => {
    const { keeper, status, asked } = keeperWith();
    expect(status()).toMatchObject({ status: "unknown", worthFetching: true });
    expect(asked).toEqual([]);
    expect(await keeper.fetch([missing()])).toBe(true);
    expect(status()).toMatchObject({ status: "good" });
    expect(asked).toEqual(["http://ocsp.example/"]);
  });

  it("are handed out for five minutes at most, and never beyond their end", async () => {
    const { keeper, status, control } = keeperWith();
    await keeper.fetch([missing()]);
    expect(status()).toMatchObject({ validUntil: clock.now() + 5 * minute });
    control.reply = new Error("down");
    // 60 minutes until nextUpdate and 5 for clocks that differ.
    clock.sleep(64 * minute);
    expect(status()).toMatchObject({ validUntil: clock.now() + minute });
    clock.sleep(minute);
    expect(status()).toMatchObject({ status: "unknown" });
  });

  it("are asked for once for all who wait", async () => {
    const { keeper, asked } = keeperWith();
    expect(await Promise.all([1, 2, 3].map(() => keeper.fetch([missing()])))).toEqual([true, true, true]);
    expect(asked).toHaveLength(1);
  });

  it("come from the configured responder in place of the named one", async () => {
    const { keeper, asked } = keeperWith({ responderUrl: "http://10.0.0.1/ocsp" });
    await keeper.fetch([missing()]);
    expect(asked).toEqual(["http://10.0.0.1/ocsp"]);
  });

  it("are not asked for where nobody names a responder", async () => {
    const { keeper, status, asked } = keeperWith();
    const silent = parseCertificate((await ca.issue({ subject: "CN=silent" })).certificate);
    expect(await keeper.fetch([missing(silent)])).toBe(false);
    expect(status(silent)).toEqual({
      status: "unknown",
      problems: ["the certificate names no OCSP responder"],
    });
    expect(asked).toEqual([]);
  });

  it("come from the second responder where the first fails, and from no third", async () => {
    const access = (url: string) => sequence(oid("1.3.6.1.5.5.7.48.1"), tlv(0x86, Buffer.from(url)));
    const urls = ["ldap://a.example/", "http://a.example/", "http://b.example/", "http://c.example/"];
    const value = sequence(...urls.map(access));
    const issued = await ca.issue({
      subject: "CN=many",
      extraExtensions: [{ oid: "1.3.6.1.5.5.7.1.1", critical: false, value }],
    });
    const { keeper, asked, control } = keeperWith();
    control.reply = new Error("down");
    await keeper.fetch([missing(parseCertificate(issued.certificate))]);
    expect(asked).toEqual(["http://a.example/", "http://b.example/"]);
  });
});

describe("a responder that fails", () => {
  it("is news once, since other sources may answer now, and told without addresses", async () => {
    const { keeper, status, control, logger } = keeperWith();
    control.reply = new Error("connect ECONNREFUSED 10.1.2.3:80");
    expect(await keeper.fetch([missing()])).toBe(true);
    expect(status()).toEqual({
      status: "unknown",
      problems: ["its OCSP responder could not be reached"],
    });
    expect(await keeper.fetch([missing()])).toBe(false);
    expect(JSON.stringify(logger.lines)).toContain("10.1.2.3");
  });

  it("is left alone for a while, then asked again in the background", async () => {
    const { keeper, status, control, asked } = keeperWith();
    control.reply = new Error("down");
    await keeper.fetch([missing()]);
    await keeper.fetch([missing()]);
    expect(asked).toHaveLength(1);
    control.reply = {};
    await clock.advance(1_000);
    expect(asked).toHaveLength(2);
    expect(status()).toMatchObject({ status: "good" });
  });

  it("is logged once an outage", async () => {
    const { keeper, control, logger } = keeperWith();
    control.reply = new Error("down");
    await keeper.fetch([missing()]);
    await clock.advance(minute);
    expect(logger.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  it("costs nobody more than the time limit when it hangs", async () => {
    const { keeper, status, control } = keeperWith();
    const { promise, resolve } = Promise.withResolvers<void>();
    control.reply = promise;
    const waiting = keeper.fetch([missing()]);
    await clock.advance(5_000);
    expect(await waiting).toBe(true);
    expect(status()).toEqual({
      status: "unknown",
      problems: ["its OCSP responder did not answer in time"],
    });
    resolve();
  });

  it("leaves the last good answer in use until that ends", async () => {
    const { keeper, status, control } = keeperWith();
    await keeper.fetch([missing()]);
    control.reply = new Error("down");
    for (let passed = 0; passed < 64; passed += 4) {
      expect(status()).toMatchObject({ status: "good" });
      await clock.advance(4 * minute);
    }
    await clock.advance(minute);
    expect(status()).toEqual({
      status: "unknown",
      problems: ["its OCSP responder could not be reached"],
    });
  });

  it("says why an answer does not count", async () => {
    const { keeper, status, control } = keeperWith();
    control.reply = { nonce: Buffer.alloc(32) };
    await keeper.fetch([missing()]);
    expect(status()).toMatchObject({ problems: [expect.stringMatching(/^OCSP: .*another nonce/)] });
  });
});

describe("an answer that changes", () => {
  /** Somebody who still rests on the answer asks again within five minutes. */
  async function stayInUse(status: () => unknown, minutes: number) {
    for (let passed = 0; passed < minutes; passed += 4) {
      status();
      await clock.advance(4 * minute);
    }
  }

  it("from good to revoked in the background raises the version and tells who listens", async () => {
    const { keeper, status, control } = keeperWith();
    await keeper.fetch([missing()]);
    expect(keeper.version()).toBe(0);
    let told = 0;
    keeper.onChange(() => (told += 1));
    control.reply = revoked();
    await stayInUse(status, 24);
    expect(status()).toMatchObject({
      status: "revoked",
      detail: expect.stringMatching(/^CN=robot was revoked at .* \(keyCompromise\)/),
    });
    expect([keeper.version(), told]).toEqual([1, 1]);
  });

  it("from failing to revoked does so too: the CRLs may have let it in", async () => {
    const { keeper, control } = keeperWith();
    control.reply = new Error("down");
    await keeper.fetch([missing()]);
    control.reply = revoked();
    await clock.advance(2_000);
    expect(keeper.version()).toBe(1);
  });

  it("from nothing to revoked contradicts nobody", async () => {
    const { keeper, status, control } = keeperWith();
    control.reply = revoked();
    expect(await keeper.fetch([missing()])).toBe(true);
    expect(status()).toMatchObject({ status: "revoked" });
    expect(keeper.version()).toBe(0);
  });

  it("from good to unknown takes the good one back", async () => {
    const { keeper, status, control } = keeperWith();
    await keeper.fetch([missing()]);
    control.reply = { status: "unknown" };
    await stayInUse(status, 24);
    expect(status()).toEqual({
      status: "unknown",
      problems: ["its OCSP responder does not know the certificate"],
    });
    expect(keeper.version()).toBe(1);
  });

  it("from unknown to good is found within a minute", async () => {
    const { keeper, status, control } = keeperWith();
    control.reply = { status: "unknown" };
    await keeper.fetch([missing()]);
    expect(await keeper.fetch([missing()])).toBe(false);
    control.reply = {};
    await clock.advance(minute);
    expect(status()).toMatchObject({ status: "good" });
  });

  it("back from revoked to good, as after a hold, counts where it is newer", async () => {
    const { keeper, status, control } = keeperWith();
    control.reply = revoked();
    await keeper.fetch([missing()]);
    control.reply = {};
    await stayInUse(status, 24);
    expect(status()).toMatchObject({ status: "good" });
    expect(keeper.version()).toBe(1);
  });

  it("back from revoked to an older good one is a replay and refused", async () => {
    const { keeper, status, control } = keeperWith();
    control.reply = revoked();
    await keeper.fetch([missing()]);
    control.reply = { thisUpdate: new Date(clock.now() - minute) };
    await stayInUse(status, 24);
    expect(status()).toMatchObject({ status: "revoked" });
  });
});

describe("the upkeep of answers", () => {
  it("renews before nextUpdate while somebody asks", async () => {
    const { keeper, status, asked } = keeperWith();
    await keeper.fetch([missing()]);
    for (let passed = 0; passed < 120; passed += 4) {
      expect(status()).toMatchObject({ status: "good" });
      await clock.advance(4 * minute);
    }
    // At the latest after 20 minutes, the largest age.
    expect(asked.length).toBeGreaterThanOrEqual(6);
    expect(asked.length).toBeLessThan(12);
  });

  it("ends when nobody asks, and a return is asked about anew", async () => {
    const { keeper, status, asked } = keeperWith();
    await keeper.fetch([missing()]);
    await clock.advance(24 * 60 * minute);
    expect(asked).toHaveLength(1);
    expect(clock.pending).toBe(0);
    expect(status()).toMatchObject({ status: "unknown", worthFetching: true });
  });

  it("keeps a revocation for which nobody asks, beyond its end and without asking", async () => {
    const { keeper, status, asked, control } = keeperWith();
    control.reply = revoked();
    await keeper.fetch([missing()]);
    control.reply = new Error("down");
    await clock.advance(24 * 60 * minute);
    expect(asked).toHaveLength(1);
    expect(status()).toMatchObject({ status: "revoked" });
  });

  it("holds no more answers than it may, and lets revocations go last", async () => {
    const others = await Promise.all(
      [1, 2, 3].map(async (n) =>
        parseCertificate((await ca.issue({ subject: `CN=other ${n}` })).certificate),
      ),
    );
    const { keeper, status, control } = keeperWith({ responderUrl: "http://o.example/", maximumAnswers: 2 });
    control.reply = revoked();
    await keeper.fetch([missing()]);
    control.reply = new Error("down");
    for (const one of others) {
      await keeper.fetch([missing(one)]);
      expect(status(one)).not.toMatchObject({ worthFetching: true });
    }
    expect(status()).toMatchObject({ status: "revoked" });
    expect(status(others[0])).toMatchObject({ worthFetching: true });
  });

  it("tells a change about one that had to go in the meantime: a verdict may still rest on it", async () => {
    const neighbour = parseCertificate((await ca.issue({ subject: "CN=neighbour" })).certificate);
    const { keeper, status, control } = keeperWith({ responderUrl: "http://o.example/", maximumAnswers: 1 });
    await keeper.fetch([missing()]);
    expect(status()).toMatchObject({ status: "good" });
    control.reply = { serial: neighbour.serialHex };
    await keeper.fetch([missing(neighbour)]);
    control.reply = revoked();
    await keeper.fetch([missing()]);
    expect(keeper.version()).toBe(1);
  });

  it("asks for no more at once than it may", async () => {
    const issued = await Promise.all(
      [1, 2, 3].map(async (n) => parseCertificate((await ca.issue({ subject: `CN=${n}` })).certificate)),
    );
    const { keeper, asked, control } = keeperWith({ responderUrl: "http://o.example/", maximumQuestions: 2 });
    const { promise, resolve } = Promise.withResolvers<void>();
    control.reply = promise;
    const all = keeper.fetch(issued.map((one) => missing(one)));
    await settle();
    expect(asked).toHaveLength(2);
    control.reply = new Error("down");
    resolve();
    await all;
    expect(asked).toHaveLength(3);
  });

  it("stops with its owner", async () => {
    const { keeper } = keeperWith();
    await keeper.fetch([missing()]);
    keeper.stop();
    expect(clock.pending).toBe(0);
  });
});
