import { beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type CrlOptions } from "../../../src/dev/pki/authority.ts";
import { integer, sequence, tlv } from "../../../src/dev/pki/der.ts";
import { parseCertificate } from "../../../src/pki/certificate.ts";
import { parseCrl } from "../../../src/pki/crl.ts";
import { PkiError } from "../../../src/pki/pki-error.ts";

let ca: Authority;
beforeAll(async () => {
  ca = await createAuthority({ subject: "CN=CA" });
});
const read = async (options: CrlOptions) => parseCrl((await ca.crl(options)).der);
const serialOf = (hex: string) => integer(hex).subarray(2);

describe("parseCrl", () => {
  it("reads issuer, times and number", async () => {
    const made = await ca.crl({ number: 7 });
    const crl = parseCrl(made.der);
    expect(crl).toMatchObject({
      thisUpdate: made.thisUpdate.getTime(),
      nextUpdate: made.nextUpdate?.getTime(),
      crlNumber: 7n,
      entryCount: 0,
    });
    expect(crl.issuer.text).toBe("CN=CA");
  });

  it("finds every entry among ten thousand, with date and reason, and nothing else", async () => {
    const date = new Date(Date.UTC(2026, 1, 3));
    const revoked = Array.from({ length: 10_000 }, (_, i) => ({
      serial: (0x1000 + i * 7).toString(16),
      date,
      ...(i % 2 === 0 ? { reason: "superseded" as const } : {}),
    }));
    const crl = await read({ revoked });
    expect(crl.entryCount).toBe(10_000);
    const found = revoked.map(({ serial }) => crl.lookup({ issuer: crl.issuer, serial: serialOf(serial) }));
    expect(found.every((entry) => entry?.revokedAt === date.getTime())).toBe(true);
    expect(found.slice(0, 2).map((entry) => entry?.reason)).toEqual(["superseded", "unspecified"]);
    expect(crl.lookup({ issuer: crl.issuer, serial: serialOf("1001") })).toBeUndefined();
  });

  it("compares the octets of serial numbers, not their texts", async () => {
    const crl = await read({ revoked: [{ serial: "ff01" }] });
    expect(crl.lookup({ issuer: crl.issuer, serial: Buffer.from("00ff01", "hex") })).toBeDefined();
    expect(crl.lookup({ issuer: crl.issuer, serial: Buffer.from("ff01", "hex") })).toBeUndefined();
  });

  it("checks its signature once for each key", async () => {
    const crl = await read({});
    const key = parseCertificate(ca.certificate).publicKey;
    expect(crl.knownSignatureBy(key)).toBeUndefined();
    expect(crl.isSignedBy(key)).toBe(true);
    expect(crl.knownSignatureBy(key)).toBe(true);
  });

  it.each<[string, CrlOptions]>([
    [
      "an unknown critical extension",
      { extraExtensions: [{ oid: "1.2.3.4", critical: true, value: Buffer.of(5, 0) }] },
    ],
    [
      "an unknown critical entry extension",
      {
        revoked: [
          { serial: "1", extraExtensions: [{ oid: "1.2.3.4", critical: true, value: Buffer.of(5, 0) }] },
        ],
      },
    ],
    [
      "an entry of another issuer in a CRL that is not indirect",
      {
        revoked: [
          {
            serial: "1",
            extraExtensions: [
              { oid: "2.5.29.29", critical: true, value: sequence(tlv(0x82, Buffer.from("x"))) },
            ],
          },
        ],
      },
    ],
    [
      "an empty issuingDistributionPoint",
      { extraExtensions: [{ oid: "2.5.29.28", critical: true, value: sequence() }] },
    ],
    ["an extension twice", { extraExtensions: [{ oid: "2.5.29.20", critical: false, value: integer(1) }] }],
  ])("refuses %s", async (_, options) => {
    await expect(read(options)).rejects.toThrow(PkiError);
  });

  it("accepts an extension that it does not know and need not", async () => {
    const extension = { oid: "1.2.3.4", critical: false, value: Buffer.of(5, 0) };
    const crl = await read({
      extraExtensions: [extension],
      revoked: [{ serial: "1", extraExtensions: [extension] }],
    });
    expect(crl.entryCount).toBe(1);
  });

  it("refuses trailing bytes", async () => {
    const { der } = await ca.crl();
    expect(() => parseCrl(Buffer.concat([der, Buffer.of(0)]))).toThrow(PkiError);
  });

  it.each([511, 512, 513, 1025])("finds each of %d entries, and none beside them", async (count) => {
    const serials = Array.from({ length: count + 1 }, (_, i) => (0x10_00_00 + i).toString(16));
    const crl = await read({ revoked: serials.slice(0, count).map((serial) => ({ serial })) });
    const isListed = (serial: string) =>
      crl.lookup({ issuer: crl.issuer, serial: Buffer.from(serial, "hex") }) !== undefined;
    expect(serials.filter((serial) => !isListed(serial))).toEqual(serials.slice(count));
  });

  it("gives up on serial numbers that collide on purpose instead of indexing them for minutes", async () => {
    const revoked = Array.from({ length: 3000 }, () => ({ serial: "2a" }));
    await expect(read({ revoked })).rejects.toThrow(/collide/);
  });
});
