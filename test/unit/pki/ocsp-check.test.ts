import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type Authority,
  type AuthorityOptions,
  createAuthority,
  createSelfSigned,
  type IssuedCertificate,
} from "../../../src/dev/pki/authority.ts";
import { octetString, sequence, tlv } from "../../../src/dev/pki/der.ts";
import { parseCertificate } from "../../../src/pki/certificate.ts";
import { checkOcspResponse, type OcspQuestion } from "../../../src/pki/ocsp-check.ts";
import { defaultPathRules } from "../../../src/pki/verify-path.ts";
import {
  extension,
  failedResponse,
  makeOcspResponse,
  noCheck,
  type ResponseOptions,
  type SingleOptions,
  wrapBasic,
} from "../../support/ocsp-responses.ts";

const minute = 60_000;
const at = Date.now();
const nonce = randomBytes(32);
let root: Authority;
let ca: Authority;
let other: Authority;
let leaf: IssuedCertificate;
let delegate: IssuedCertificate;

const delegateOptions = {
  subject: "CN=Responder",
  extendedKeyUsage: ["ocspSigning"],
  extraExtensions: [noCheck],
} as const;

beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root" });
  ca = await createAuthority({ subject: "CN=CA", issuer: root });
  other = await createAuthority({ subject: "CN=Other CA", issuer: root });
  leaf = await ca.issue({ subject: "CN=robot" });
  delegate = await ca.issue(delegateOptions);
});

const respond = (single: Partial<SingleOptions> = {}, response: Partial<ResponseOptions> = {}) =>
  makeOcspResponse({
    issuer: ca,
    answers: [{ serial: leaf.serial, ...single }],
    nonce,
    ...response,
  });

const check = (der: Uint8Array, question: Partial<OcspQuestion> = {}) =>
  checkOcspResponse(der, {
    certificate: parseCertificate(leaf.certificate),
    issuer: parseCertificate(ca.certificate),
    nonce,
    noncePolicy: "required",
    at,
    maximumAgeMs: 10 * minute,
    rules: defaultPathRules,
    ...question,
  });

const second = (ms: number) => Math.floor(ms / 1000) * 1000;

describe("an OCSP answer", () => {
  it("that is good says so until five minutes after its nextUpdate", () => {
    const nextUpdate = new Date(second(at + 60 * minute));
    expect(check(respond({ nextUpdate }))).toEqual({
      status: "good",
      thisUpdate: expect.any(Number) as number,
      freshUntil: nextUpdate.getTime(),
      validUntil: nextUpdate.getTime() + 5 * minute,
    });
  });

  it("that is revoked says when and why", () => {
    const revokedAt = new Date(second(at - 90 * minute));
    expect(check(respond({ status: { revokedAt, reason: 1 } }))).toMatchObject({
      status: "revoked",
      revokedAt: revokedAt.getTime(),
      reason: "keyCompromise",
    });
  });

  it("that is revoked without a reason is revoked for an unspecified one", () => {
    expect(check(respond({ status: { revokedAt: new Date(at) } }))).toMatchObject({ reason: "unspecified" });
  });

  it("that is unknown is neither good nor revoked", () => {
    expect(check(respond({ status: "unknown" }))).toMatchObject({ status: "unknown" });
  });

  it("may name the certificate with SHA-256", () => {
    expect(check(respond({ hash: "sha256" }))).toMatchObject({ status: "good" });
  });

  it("is found among answers about others", () => {
    const answers = [{ serial: "01" }, { serial: leaf.serial, status: "unknown" as const }, { serial: "02" }];
    expect(check(respond({}, { answers }))).toMatchObject({ status: "unknown" });
  });

  it.each([
    ["about another serial number", () => respond({ serial: "0102" })],
    ["about another issuer's certificate of the same number", () => respond({ issuer: other })],
  ])("%s is no answer", (_what, make) => {
    expect(check(make())).toBe("the response is about other certificates");
  });

  it("about another key of the issuer's name, or another name of its key, is no answer", async () => {
    const rekeyed = await createAuthority({ subject: "CN=CA", issuer: root });
    const keyPair = { privateKey: ca.keyObject, publicKey: ca.publicKey };
    const renamed = await createAuthority({ subject: "CN=Alias", issuer: root, keyPair });
    for (const issuer of [rekeyed, renamed])
      expect(check(respond({ issuer }))).toBe("the response is about other certificates");
  });

  it("that is given twice is none", () => {
    const answers = [{ serial: leaf.serial }, { serial: leaf.serial, hash: "sha256" as const }];
    expect(check(respond({}, { answers }))).toMatch(/two things/);
  });

  it.each([
    [1, "malformedRequest"],
    [2, "internalError"],
    [3, "tryLater"],
    [5, "sigRequired"],
    [6, "unauthorized"],
  ])("is not in a response of status %i, %s", (status, name) => {
    expect(check(failedResponse(status))).toBe(`the responder has no answer (${name})`);
  });
});

describe("the time of an OCSP answer", () => {
  it("may be up to five minutes ahead, for clocks that differ, and no more", () => {
    expect(check(respond({ thisUpdate: new Date(at + 4 * minute) }))).toMatchObject({ status: "good" });
    expect(check(respond({ thisUpdate: new Date(at + 6 * minute) }))).toMatch(/not valid before/);
  });

  it("may have ended up to five minutes ago and no more", () => {
    const thisUpdate = new Date(at - 60 * minute);
    expect(check(respond({ thisUpdate, nextUpdate: new Date(at - 4 * minute) }))).toMatchObject({
      status: "good",
    });
    expect(check(respond({ thisUpdate, nextUpdate: new Date(at - 6 * minute) }))).toMatch(/ended at/);
  });

  it("counts for the largest age where nextUpdate is absent", () => {
    const thisUpdate = new Date(second(at - 9 * minute));
    expect(check(respond({ nextUpdate: null, thisUpdate }))).toMatchObject({
      status: "good",
      validUntil: thisUpdate.getTime() + 10 * minute,
    });
    expect(check(respond({ nextUpdate: null, thisUpdate: new Date(at - 11 * minute) }))).toMatch(/too old/);
  });

  it("that is ahead does not make the largest age longer", () => {
    const answer = check(respond({ nextUpdate: null, thisUpdate: new Date(at + 4 * minute) }));
    expect(answer).toMatchObject({ validUntil: at + 10 * minute });
  });

  it("must not end before it begins", () => {
    const times = { thisUpdate: new Date(at), nextUpdate: new Date(at - minute) };
    expect(check(respond(times))).toMatch(/before it begins/);
  });

  it("binds a revocation, too: an old one may have been a hold", () => {
    const old = { thisUpdate: new Date(at - 60 * minute), nextUpdate: new Date(at - 30 * minute) };
    expect(check(respond({ status: { revokedAt: new Date(at) }, ...old }))).toMatch(/ended at/);
  });

  it("refuses where the largest age is no number", () => {
    expect(check(respond({ nextUpdate: null }), { maximumAgeMs: Number.NaN })).toMatch(/too old/);
  });
});

describe("the nonce of an OCSP response", () => {
  it("must be there where it is required", () => {
    expect(check(makeOcspResponse({ issuer: ca, answers: [{ serial: leaf.serial }] }))).toMatch(/no nonce/);
  });

  it("may be absent where it counts when echoed", () => {
    const der = makeOcspResponse({ issuer: ca, answers: [{ serial: leaf.serial }] });
    expect(check(der, { noncePolicy: "when-echoed" })).toMatchObject({ status: "good" });
  });

  it.each(["required", "when-echoed"] as const)("must be ours where it is there (%s)", (noncePolicy) => {
    expect(check(respond({}, { nonce: randomBytes(32) }), { noncePolicy })).toMatch(/another nonce/);
    expect(check(respond({}, { nonce: nonce.subarray(0, 31) }), { noncePolicy })).toMatch(/another nonce/);
  });
});

describe("an OCSP response's signer", () => {
  const delegated = (signer: IssuedCertificate, extra: Partial<ResponseOptions> = {}) =>
    check(respond({}, { signer, ...extra }));
  const authority = (options: Partial<AuthorityOptions>) =>
    createAuthority({ subject: "CN=CA", issuer: root, ...options });

  it("may be a responder that the issuer certified for it, named by key or by subject", async () => {
    expect(delegated(delegate)).toMatchObject({ status: "good" });
    const named = await authority({ subject: "CN=Responder" });
    expect(delegated(delegate, { responderId: { name: named.name } })).toMatchObject({ status: "good" });
  });

  it("may be the issuer by its name", () => {
    expect(check(respond({}, { responderId: { name: ca.name } }))).toMatchObject({ status: "good" });
  });

  it("bounds the answer by the end of its certificate", async () => {
    const notAfter = new Date(second(at + 2 * minute));
    const short = await ca.issue({ ...delegateOptions, notAfter });
    expect(delegated(short)).toMatchObject({ validUntil: notAfter.getTime() + 999 });
  });

  it.each([
    ["that its issuer did not certify for it", { extendedKeyUsage: [] }, /id-kp-OCSPSigning/],
    ["that is certified for anything", { extendedKeyUsage: ["anyExtendedKeyUsage"] }, /id-kp-OCSPSigning/],
    ["that is a client", { extendedKeyUsage: ["clientAuth"] }, /id-kp-OCSPSigning/],
    ["that may not sign", { keyUsage: ["keyEncipherment"] }, /keyUsage/],
    ["whose own revocation would have to be known", { extraExtensions: [] }, /nocheck.*not looked up/],
    ["that has expired", { notAfter: new Date(at - minute) }, /expired/],
    ["that is not valid yet", { notBefore: new Date(at + 10 * minute) }, /not valid before/],
    [
      "with a critical extension that nobody knows",
      { extraExtensions: [noCheck, { oid: "1.2.3.4", critical: true, value: octetString(Buffer.of(1)) }] },
      /critical/,
    ],
  ] as const)("must not be one %s", async (_what, options, sentence) => {
    const signer = await ca.issue({ ...delegateOptions, ...options });
    expect(delegated(signer)).toMatch(sentence);
  });

  it("may lack keyUsage", async () => {
    expect(delegated(await ca.issue({ ...delegateOptions, keyUsage: [] }))).toMatchObject({ status: "good" });
  });

  it("must not be certified by another CA of the same PKI", async () => {
    expect(delegated(await other.issue(delegateOptions))).toMatch(/own issuer/);
  });

  it("must not be certified by the CA above", async () => {
    expect(delegated(await root.issue(delegateOptions))).toMatch(/own issuer/);
  });

  it("must not be certified by another key of the issuer's name", async () => {
    const rekeyed = await authority({});
    expect(delegated(await rekeyed.issue(delegateOptions))).toMatch(/own issuer/);
  });

  it("must not be certified by the issuer's key under another name", async () => {
    const keyPair = { privateKey: ca.keyObject, publicKey: ca.publicKey };
    const alias = await authority({ subject: "CN=Alias", keyPair });
    expect(delegated(await alias.issue(delegateOptions))).toMatch(/own issuer/);
  });

  it("must not be certified by somebody whom the issuer certified", async () => {
    const below = await createAuthority({ subject: "CN=CA", issuer: ca });
    expect(delegated(await below.issue(delegateOptions))).toMatch(/own issuer/);
  });

  it("must not vouch for itself", async () => {
    const own = await createSelfSigned({ ...delegateOptions });
    expect(delegated(own)).toMatch(/own issuer/);
  });

  it("must not be a CA that could have made the delegation up", async () => {
    const subordinate = await createAuthority({ ...delegateOptions, issuer: ca });
    expect(delegated(subordinate)).toMatch(/CA/);
  });

  it("must be the one that is named", () => {
    expect(check(respond({}, { signer: delegate, responderKey: ca.publicKey }))).toMatch(/signature/);
    expect(check(respond({}, { responderKey: delegate.publicKey }))).toMatch(
      /no certificate of the responder/,
    );
    expect(check(respond({}, { signer: delegate, certificates: [] }))).toMatch(
      /no certificate of the responder/,
    );
  });

  it("is found beside certificates that are unreadable or do not belong there", () => {
    const certificates = [sequence(), other.certificate, ca.certificate, delegate.certificate];
    expect(delegated(delegate, { certificates })).toMatchObject({ status: "good" });
  });

  it("must not use SHA-1, nor an algorithm that is switched off", () => {
    expect(check(respond({}, { signing: { hash: "SHA-1" } }))).toMatch(/algorithm/);
    const rules = { ...defaultPathRules, signatureAlgorithms: ["ed25519"] as const };
    expect(check(respond(), { rules })).toMatch(/algorithm/);
  });

  it("signed all of it", () => {
    const tamper = (data: Buffer) => {
      const changed = Buffer.from(data);
      // revoked would be [1]; here unknown [2] becomes good [0].
      changed[changed.indexOf(Buffer.of(0x82, 0x00, 0x18))] = 0x80;
      return changed;
    };
    expect(check(respond({ status: "unknown" }, { tamper }))).toMatch(/signature/);
  });
});

describe("an OCSP response that is not understood", () => {
  const unknown = (critical: boolean) => extension("1.2.3.4", octetString(Buffer.of(1)), critical);

  it("is refused for a critical extension of the response or of the answer", () => {
    const sentence = /critical extension 1.2.3.4/;
    expect(check(respond({}, { extensions: [unknown(true)] }))).toMatch(sentence);
    expect(check(respond({ extensions: [unknown(true)] }))).toMatch(sentence);
  });

  it("is taken with extensions that are not critical", () => {
    expect(check(respond({}, { extensions: [unknown(false)] }))).toMatchObject({ status: "good" });
    expect(check(respond({ extensions: [unknown(false)] }))).toMatchObject({ status: "good" });
  });

  it("is refused where it is of another type than basic", () => {
    expect(check(wrapBasic(sequence(), "1.2.3"))).toMatch(/another type/);
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["a web page", Buffer.from("<html>")],
    ["an unknown status", failedResponse(4)],
    ["success without an answer", failedResponse(0)],
    ["something behind it", Buffer.concat([failedResponse(3), Buffer.of(0)])],
    ["a status that is no enumeration", sequence(tlv(0x02, Buffer.of(0)))],
    ["more than 64 kB", Buffer.alloc(65 * 1024, 0x30)],
  ])("is unreadable: %s", (_what, der) => {
    expect(check(der)).toMatch(/^the response is unreadable: /);
  });

  it("is refused with more answers than anybody asked for", () => {
    const answers = Array.from({ length: 65 }, (_, i) => ({ serial: i.toString(16) }));
    expect(check(respond({}, { answers }))).toMatch(/over 64 answers/);
  });

  it("is refused with more certificates than anybody needs", () => {
    const certificates = Array.from({ length: 9 }, () => sequence());
    expect(check(respond({}, { certificates }))).toMatch(/over 8 certificates/);
  });

  it("is refused with an answer of UTCTime", () => {
    const der = respond();
    const time = der.indexOf(Buffer.of(0x18, 0x0f));
    der[time] = 0x17;
    expect(check(der)).toMatch(/unreadable: /);
  });
});
