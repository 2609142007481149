import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority } from "../../src/dev/pki/authority.ts";
import { oid, sequence, tlv } from "../../src/dev/pki/der.ts";
import { type Certificate, parseCertificate } from "../../src/pki/certificate.ts";
import { type Crl, parseCrl } from "../../src/pki/crl.ts";
import { PkiError } from "../../src/pki/pki-error.ts";
import { createCrlIndex } from "../../src/pki/revocation.ts";
import { defaultPathRules, verifyPath } from "../../src/pki/verify-path.ts";
import { applyDamage, damage } from "./pki-mutations.ts";

/** Inputs in all; `CERTGATE_FUZZ_RUNS=1000000` for a long night. */
const runs = Number(process.env["CERTGATE_FUZZ_RUNS"] ?? 20_000);
const share = (part: number) => ({ numRuns: Math.ceil(runs * part) });
/** No single input may take longer, on a machine that others use as well. */
const longestMs = 250;

const at = Date.now();
let root: Authority;
let ca: Authority;
let certificates: Uint8Array[];
let crls: Uint8Array[];
let rootCrl: Uint8Array;
let revokedLeaf: Uint8Array;

beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Fuzz Root" });
  const constraints = sequence(tlv(0xa0, sequence(tlv(0x82, Buffer.from("example.com")))));
  const policies = sequence(sequence(oid("2.5.29.32.0")), sequence(oid("1.2.3")));
  ca = await createAuthority({
    subject: "O=Example, CN=Fuzz CA",
    issuer: root,
    crlDistributionPoints: ["http://crl.example/root.crl"],
    extraExtensions: [
      { oid: "2.5.29.30", critical: true, value: constraints },
      { oid: "2.5.29.32", critical: false, value: policies },
      { oid: "2.5.29.33", critical: true, value: sequence(sequence(oid("1.2.3"), oid("1.2.4"))) },
      { oid: "2.5.29.36", critical: true, value: sequence(tlv(0x80, Buffer.of(5)), tlv(0x81, Buffer.of(5))) },
    ],
  });
  const leaf = await ca.issue({
    subject: "O=Example, OU=Plant, CN=robot",
    subjectAltNames: [
      { type: "dns", value: "a.example.com" },
      { type: "ip", value: "192.0.2.1" },
      { type: "email", value: "a@example.com" },
      { type: "dn", value: "CN=robot" },
    ],
    crlDistributionPoints: ["http://crl.example/ca.crl"],
  });
  const rsa = await ca.issue({ subject: "CN=rsa", keyAlgorithm: "rsa-2048" });
  const edwards = await root.issue({ subject: "CN=ed", keyAlgorithm: "ed25519" });
  const revoked = await ca.issue({ subject: "CN=revoked" });
  revokedLeaf = revoked.certificate;
  certificates = [leaf, ca, rsa, edwards].map(({ certificate }) => certificate);
  const idp = { oid: "2.5.29.28", critical: true, value: sequence(tlv(0x81, Buffer.of(0xff))) };
  const entries = [
    { serial: "7f" },
    { serial: revoked.serial, reason: "keyCompromise" as const },
    { serial: "0102" },
  ];
  crls = [
    (await ca.crl({ revoked: entries })).der,
    (await ca.crl({ revoked: entries, number: 3, extraExtensions: [idp] })).der,
  ];
  rootCrl = (await root.crl({ revoked: [{ serial: "55", reason: "cACompromise" }] })).der;
});

/** Reads, or fails in the one way that is allowed. */
function readOrRefuse<T>(der: Uint8Array, read: (der: Uint8Array) => T): T | undefined {
  try {
    return read(der);
  } catch (error) {
    if (error instanceof PkiError) return undefined;
    throw error;
  }
}

function quickly<T>(run: () => T): T {
  const start = performance.now();
  const result = run();
  const ms = performance.now() - start;
  if (ms > longestMs) throw new Error(`one input took ${ms.toFixed(0)} ms`);
  return result;
}

/** Touches everything that is derived lazily, where a late surprise could hide. */
const exercise = (certificate: Certificate) =>
  [
    certificate.subject.text,
    certificate.issuer.key,
    certificate.sha256,
    certificate.serialHex,
    certificate.isSelfIssued,
  ].length;

const decide = (leaf: Uint8Array, candidates: readonly Uint8Array[], usable?: readonly Crl[]) =>
  verifyPath({
    leaf,
    candidates,
    anchors: [parseCertificate(root.certificate)],
    at,
    rules: defaultPathRules,
    revocation: {
      mode: usable === undefined ? "off" : "hard",
      graceMs: 0,
      crls: createCrlIndex(usable ?? []),
    },
  });

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe(`the validator under ${runs} damaged inputs`, () => {
  it("judges its undamaged inputs rightly: the fuzzing starts from what is valid", () => {
    const usable = [rootCrl, ...crls].map(parseCrl);
    expect(decide(certificates[0]!, [ca.certificate]).allowed).toBe(true);
    expect(decide(certificates[0]!, [ca.certificate], usable).allowed).toBe(true);
    expect(decide(revokedLeaf, [ca.certificate], usable)).toMatchObject({
      code: "client_certificate_revoked",
    });
  });

  it("reads a damaged leaf or refuses it, and accepts none whose signed part was changed", () => {
    const genuine = new Set(certificates.map((der) => hex(parseCertificate(der).toBeSigned)));
    const property = fc.property(damage, (one) => {
      const der = applyDamage(certificates, one);
      return quickly(() => {
        const certificate = readOrRefuse(der, parseCertificate);
        if (certificate !== undefined) exercise(certificate);
        const verdict = decide(der, [ca.certificate]);
        return !verdict.allowed || genuine.has(hex(verdict.value.leaf.toBeSigned));
      });
    });
    expect(() => fc.assert(property, share(0.4))).not.toThrow();
  });

  it("builds no path over a damaged intermediate, and loses none for its presence", () => {
    const genuine = hex(parseCertificate(ca.certificate).toBeSigned);
    const property = fc.property(damage, (one) => {
      const der = applyDamage(certificates, one);
      const alone = quickly(() => decide(certificates[0]!, [der]));
      const beside = quickly(() => decide(certificates[0]!, [der, ca.certificate]));
      return beside.allowed && (!alone.allowed || hex(alone.value.certificates[1]!.toBeSigned) === genuine);
    });
    expect(() => fc.assert(property, share(0.2))).not.toThrow();
  });

  it("takes no damaged CRL for signed, and never lets a revoked leaf through on one", () => {
    const genuine = new Set(crls.map((der) => hex(parseCrl(der).toBeSigned)));
    const keys = [root, ca].map(({ certificate }) => parseCertificate(certificate).publicKey);
    const good = parseCrl(rootCrl);
    const property = fc.property(damage, (one) =>
      quickly(() => {
        const crl = readOrRefuse(applyDamage(crls, one), parseCrl);
        if (crl === undefined) return true;
        crl.lookup({ issuer: crl.issuer, serial: Buffer.of(0x7f) });
        const signed = keys.some((key) => crl.isSignedBy(key));
        return (
          (!signed || genuine.has(hex(crl.toBeSigned))) &&
          !decide(revokedLeaf, [ca.certificate], [good, crl]).allowed
        );
      }),
    );
    expect(() => fc.assert(property, share(0.3))).not.toThrow();
  });

  it("survives bytes that were never a certificate", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const der = sequence(noise);
      return quickly(() => {
        for (const bytes of [noise, der]) {
          readOrRefuse(bytes, parseCertificate);
          readOrRefuse(bytes, parseCrl);
        }
        return !decide(der, [noise, der]).allowed;
      });
    });
    expect(() => fc.assert(property, share(0.1))).not.toThrow();
  });
});
