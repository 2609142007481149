import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type RawExtension } from "../../../src/dev/pki/authority.ts";
import {
  bitString,
  derNull,
  integer,
  octetString,
  oid,
  sequence,
  time,
  tlv,
} from "../../../src/dev/pki/der.ts";
import { parseCertificate, sha1Thumbprint, sha256Thumbprint } from "../../../src/pki/certificate.ts";
import { PkiError } from "../../../src/pki/pki-error.ts";

let ca: Authority;
beforeAll(async () => {
  ca = await createAuthority({ subject: "CN=CA" });
});

const withExtension = async (...extraExtensions: RawExtension[]) =>
  parseCertificate((await ca.issue({ subject: "CN=x", extraExtensions })).certificate);
const raw = (id: string, value: Uint8Array, critical = false): RawExtension => ({ oid: id, critical, value });

describe("parseCertificate", () => {
  it("reads names, serial, validity and thumbprints", async () => {
    const made = await ca.issue({ subject: "CN=robot", serial: "00ff01" });
    const certificate = parseCertificate(made.certificate);
    expect(certificate).toMatchObject({
      notBefore: made.notBefore.getTime(),
      notAfter: made.notAfter.getTime(),
      version: 3,
    });
    expect([certificate.subject.text, certificate.issuer.text, certificate.serialHex]).toEqual([
      "CN=robot",
      "CN=CA",
      "00ff01",
    ]);
    expect(sha256Thumbprint(certificate)).toBe(made.thumbprint);
    expect(sha1Thumbprint(certificate)).toBe(createHash("sha1").update(made.certificate).digest("hex"));
  });

  it("keeps the extensions as they stand and decodes the known ones", async () => {
    const made = await ca.issue({ subject: "CN=x", subjectAltNames: [{ type: "dns", value: "a.example" }] });
    const { extensions, known } = parseCertificate(made.certificate);
    expect(extensions.map(({ oid: id }) => id)).toContain("2.5.29.37");
    expect(known).toMatchObject({
      extendedKeyUsage: ["1.3.6.1.5.5.7.3.2"],
      subjectAltName: [{ kind: "dns", value: "a.example" }],
    });
    expect([...(known.keyUsage ?? [])]).toEqual(["digitalSignature"]);
  });

  it("refuses trailing bytes and truncation at every octet", async () => {
    const { certificate } = await ca.issue({ subject: "CN=x" });
    expect(() => parseCertificate(Buffer.concat([certificate, Buffer.of(0)]))).toThrow(PkiError);
    for (let length = 0; length < certificate.length; length += 1)
      expect(() => parseCertificate(certificate.subarray(0, length))).toThrow(PkiError);
  });

  it("refuses a signature algorithm outside that differs from the signed one inside", async () => {
    const { certificate } = await ca.issue({ subject: "CN=x" });
    const algorithm = Buffer.from("06082a8648ce3d040302", "hex");
    const changed = Buffer.from(certificate);
    changed[changed.lastIndexOf(algorithm) + algorithm.length - 1] = 3;
    expect(() => parseCertificate(changed)).toThrow(/signature algorithms differ/);
  });

  it("refuses more than 256 kB unread", () => {
    expect(() => parseCertificate(Buffer.alloc(256 * 1024 + 1))).toThrow(/256 kB/);
  });

  it.each<[string, RawExtension]>([
    ["an extension that stands in it twice", raw("2.5.29.15", bitString(Buffer.of(0x80)))],
    ["a malformed subjectAltName", raw("2.5.29.17", Buffer.from("exploitable"))],
    ["an empty subjectAltName", raw("2.5.29.17", sequence())],
    ["an IA5String with other than ASCII", raw("2.5.29.17", sequence(tlv(0x82, Buffer.of(0xe9))))],
    ["nameConstraints without subtrees", raw("2.5.29.30", sequence())],
    ["nameConstraints with empty subtrees", raw("2.5.29.30", sequence(tlv(0xa0), tlv(0xa1)))],
    [
      "a subtree with a maximum",
      raw("2.5.29.30", sequence(tlv(0xa0, sequence(tlv(0x82), tlv(0x81, Buffer.of(1)))))),
    ],
    ["a policy twice", raw("2.5.29.32", sequence(sequence(oid("1.2.3")), sequence(oid("1.2.3"))))],
    ["empty policyConstraints", raw("2.5.29.36", sequence())],
    [
      "a distribution point of only reasons",
      raw("2.5.29.31", sequence(sequence(tlv(0x81, Buffer.of(6, 0x40))))),
    ],
    ["an extension with bytes behind it", raw("2.5.29.54", Buffer.concat([integer(1), derNull]))],
  ])("refuses %s", async (_, extension) => {
    await expect(withExtension(extension)).rejects.toThrow(PkiError);
  });

  describe("from bytes of one's own", () => {
    const name = sequence();
    const p256 = sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"));
    const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
    const build = (options: { version?: Uint8Array; spki?: Uint8Array; tail?: Uint8Array[] }) => {
      const { version, spki = sequence(p256, bitString(Buffer.alloc(65, 4))), tail = [] } = options;
      const validity = sequence(time(new Date(0)), time(new Date(1e12)));
      const tbs = sequence(
        ...(version === undefined ? [] : [version]),
        integer(1),
        algorithm,
        name,
        validity,
        name,
        spki,
        ...tail,
      );
      return () => parseCertificate(sequence(tbs, algorithm, bitString(Buffer.alloc(8))));
    };
    const version = (n: number) => tlv(0xa0, integer(n));
    const extensions = tlv(0xa3, sequence(sequence(oid("1.2.3"), octetString(derNull))));

    it("reads version 1, and extensions in version 3 only", () => {
      expect(build({})().version).toBe(1);
      expect(build({ version: version(2), tail: [extensions] })().version).toBe(3);
      expect(build({ tail: [extensions] })).toThrow(PkiError);
      expect(build({ version: version(1), tail: [extensions] })).toThrow(PkiError);
    });

    it.each([0, 3])("refuses the written version %i", (n) => {
      expect(build({ version: version(n) })).toThrow(PkiError);
    });

    it("has no kind for an EC key with explicit parameters or another curve", () => {
      const spki = (parameters: Uint8Array) =>
        sequence(sequence(oid("1.2.840.10045.2.1"), parameters), bitString(Buffer.alloc(65, 4)));
      expect(build({ spki: spki(sequence(integer(1))) })().publicKey.kind).toBeUndefined();
      expect(build({ spki: spki(oid("1.3.132.0.10")) })().publicKey.kind).toBeUndefined();
    });

    it("measures RSA keys itself", () => {
      const rsa = (modulus: string, exponent: number) =>
        sequence(
          sequence(oid("1.2.840.113549.1.1.1"), derNull),
          bitString(sequence(integer(modulus), integer(exponent))),
        );
      const read = (modulus: string, exponent: number) =>
        build({ spki: rsa(modulus, exponent) })().publicKey.rsa;
      expect(read(`80${"00".repeat(254)}01`, 65_537)).toEqual({ bits: 2048, saneExponent: true });
      expect(read(`7f${"00".repeat(254)}01`, 3)).toEqual({ bits: 2047, saneExponent: true });
      expect([1, 4, 2 ** 33 + 1].map((exponent) => read("c1", exponent)?.saneExponent)).toEqual([
        false,
        false,
        false,
      ]);
    });
  });
});
