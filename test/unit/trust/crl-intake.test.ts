import { beforeAll, describe, expect, it } from "vitest";
import { createAuthority } from "../../../src/dev/pki/authority.ts";
import { parseCertificate } from "../../../src/pki/certificate.ts";
import { nextLook, readCrls } from "../../../src/trust/crl-intake.ts";
import { readCrlsHere } from "../../../src/trust/crl-reader.ts";
import type { KeptCrl } from "../../../src/trust/held-crl.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

type Authority = Awaited<ReturnType<typeof createAuthority>>;

const now = Date.UTC(2026, 5, 1);
const hour = 3_600_000;
const at = (hours: number) => new Date(now + hours * hour);

let authority: Authority;
let other: Authority;
/** Another key under the first one's name. */
let impostor: Authority;

beforeAll(async () => {
  authority = await createAuthority({ subject: "CN=CA" });
  other = await createAuthority({ subject: "CN=Other CA" });
  impostor = await createAuthority({ subject: "CN=CA" });
});

async function intake(
  ders: readonly Uint8Array[],
  before: readonly KeptCrl[] = [],
  issuers: readonly Authority[] = [authority, other],
) {
  const logger = createRecordingLogger();
  const kept = await readCrls(ders, before, {
    source: "source",
    now,
    issuers: issuers.map(({ certificate }) => parseCertificate(certificate)),
    logger,
    reader: readCrlsHere,
  });
  return { kept, refusals: logger.lines.map(({ fields }) => String(fields["reason"])) };
}

const crl = (hours: number, options: Parameters<Authority["crl"]>[0] = {}, by = authority) =>
  by.crl({ thisUpdate: at(hours), nextUpdate: at(hours + 24), ...options });
const hashes = (kept: readonly KeptCrl[]) => kept.map(({ held }) => `${held.issuer} ${held.thisUpdate}`);

describe("reading CRLs", () => {
  it("takes none of a flood", async () => {
    const { der } = await crl(-1);
    await expect(intake(Array.from({ length: 501 }, () => der))).rejects.toThrow("501 CRLs, more than 500");
  });

  it("keeps what readiness shows", async () => {
    const { der } = await crl(-1, { revoked: [{ serial: "0a" }, { serial: "0b" }] });
    const { kept } = await intake([der]);
    expect(kept.map(({ held }) => held)).toEqual([
      {
        source: "source",
        issuer: "CN=CA",
        thisUpdate: now - hour,
        nextUpdate: now + 23 * hour,
        entries: 2,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  it("keeps the object of a CRL that stays, with its index", async () => {
    const { der } = await crl(-1);
    const { kept: before } = await intake([der]);
    const { kept } = await intake([Buffer.from(der)], before);
    expect(kept[0]).toBe(before[0]);
  });

  it("takes the newest where a source gives several of one CA", async () => {
    const ders = await Promise.all([crl(-3), crl(-1), crl(-2)]);
    const { kept, refusals } = await intake(ders.map(({ der }) => der));
    expect(hashes(kept)).toEqual([`CN=CA ${now - hour}`]);
    expect(refusals).toEqual([]);
  });

  it("keeps CRLs of several CAs side by side", async () => {
    const ders = await Promise.all([crl(-1), crl(-1, {}, other)]);
    const { kept } = await intake(ders.map(({ der }) => der));
    expect(kept.map(({ held }) => held.issuer)).toEqual(["CN=CA", "CN=Other CA"]);
  });
});

describe("a CRL is not taken, loudly, and the last good one stays", () => {
  it("when it is older than the one held", async () => {
    const { kept: before } = await intake([(await crl(-1)).der, (await crl(-1, {}, other)).der]);
    const { kept, refusals } = await intake([(await crl(-5)).der, (await crl(0, {}, other)).der], before);
    expect(hashes(kept).toSorted()).toEqual([`CN=CA ${now - hour}`, `CN=Other CA ${now}`]);
    expect(refusals).toEqual([expect.stringMatching(/older than the one held/)]);
  });

  it("when its number is lower at the same instant", async () => {
    const { kept: before } = await intake([(await crl(-1, { number: 9 })).der]);
    await expect(intake([(await crl(-1, { number: 8 })).der], before)).rejects.toThrow(/none of 1 CRLs/);
  });

  it("when it is damaged, and nothing that was held is dropped for it", async () => {
    const { kept: before } = await intake([(await crl(-1)).der, (await crl(-1, {}, other)).der]);
    const { kept, refusals } = await intake([(await crl(0)).der, Buffer.from("3003020101", "hex")], before);
    expect(hashes(kept).toSorted()).toEqual([`CN=CA ${now}`, `CN=Other CA ${now - hour}`]);
    expect(refusals).toHaveLength(1);
  });

  it("when it is signed by another key than the known CA's", async () => {
    const forged = await crl(0, { omitAuthorityKeyIdentifier: true }, impostor);
    const { kept: before } = await intake([(await crl(-1)).der]);
    await expect(intake([forged.der], before)).rejects.toMatchObject({
      code: "revocation_unavailable",
      cause: { message: expect.stringMatching(/does not carry that CA's signature/) },
    });
  });

  it("when it comes from the future, by more than clocks differ", async () => {
    await expect(intake([(await crl(1)).der])).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/from the future/) },
    });
    expect((await intake([(await crl(0.05)).der])).kept).toHaveLength(1);
  });
});

describe("a CRL is taken", () => {
  it("when its CA was rebuilt and counts from one again, because it is younger", async () => {
    const { kept: before } = await intake([(await crl(-2, { number: 40 })).der]);
    const { kept } = await intake([(await crl(-1, { number: 1 })).der], before);
    expect(hashes(kept)).toEqual([`CN=CA ${now - hour}`]);
  });

  it("when its CA has the same name and another key, beside the other's", async () => {
    const { kept } = await intake([(await crl(-1)).der, (await crl(-2, {}, impostor)).der]);
    expect(kept).toHaveLength(2);
  });

  it("when its CA is not known yet: the decision verifies it", async () => {
    expect((await intake([(await crl(-1)).der], [], [])).kept).toHaveLength(1);
  });

  it("in place of one that turned out forged when its CA became known", async () => {
    const forged = await crl(0, { omitAuthorityKeyIdentifier: true }, impostor);
    const { kept: before } = await intake([forged.der], [], []);
    const real = await crl(-5, { omitAuthorityKeyIdentifier: true });
    const { kept } = await intake([real.der], before);
    expect(hashes(kept)).toEqual([`CN=CA ${now - 5 * hour}`]);
  });
});

describe("a CRL is dropped", () => {
  it("when a whole answer does not hold it any more", async () => {
    const { kept: before } = await intake([(await crl(-1)).der, (await crl(-1, {}, other)).der]);
    const { kept } = await intake([(await crl(-1)).der], before);
    expect(kept.map(({ held }) => held.issuer)).toEqual(["CN=CA"]);
  });
});

const keptUntil = async (...hours: readonly (number | null)[]) =>
  (
    await Promise.all(
      hours.map(async (until, index) => {
        const by = index === 0 ? authority : other;
        const nextUpdate = until === null ? null : at(until);
        const { der } = await by.crl({ thisUpdate: at(-48), nextUpdate });
        return (await intake([der])).kept;
      }),
    )
  ).flat();

describe("the next look", () => {
  it("is the interval when every nextUpdate is far", async () => {
    expect(nextLook(await keptUntil(48, 72), now, hour) - now).toBe(hour);
  });

  it("is half of what is left to the first nextUpdate", async () => {
    expect(nextLook(await keptUntil(1, 72), now, hour) - now).toBe(hour / 2);
  });

  it("is in ten seconds at the soonest", async () => {
    expect(nextLook(await keptUntil(1 / 3600), now, hour) - now).toBe(10_000);
  });

  it("is in half a minute when a nextUpdate is over: its CA is late", async () => {
    expect(nextLook(await keptUntil(-1), now, hour) - now).toBe(30_000);
  });

  it("is the interval when a CRL does not say when it ends", async () => {
    expect(nextLook(await keptUntil(null), now, hour) - now).toBe(hour);
  });
});
