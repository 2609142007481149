import { beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, createSelfSigned } from "../../../src/dev/pki/authority.ts";
import { parseCertificate } from "../../../src/pki/certificate.ts";
import { VerifiedPath } from "../../../src/pki/verified-path.ts";
import { codeOf, decide } from "./support/decide.ts";

const day = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * day);

let root: Authority;
let ca: Authority;
beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root" });
  ca = await createAuthority({ subject: "O=Example, CN=Plant CA", issuer: root });
});

describe("verifyPath", () => {
  it("accepts a client below an intermediate and returns the path, leaf first", async () => {
    const leaf = await ca.issue({ subject: "CN=robot" });
    const verdict = decide({ leaf, candidates: [ca], anchors: [root] });
    expect(verdict.allowed && verdict.value.certificates.map(({ subject }) => subject.text)).toEqual([
      "CN=robot",
      "CN=Plant CA,O=Example",
      "CN=Root",
    ]);
    expect(verdict.allowed && VerifiedPath.isProof(verdict.value)).toBe(true);
  });

  it("traces each certificate that it checked", async () => {
    const leaf = await ca.issue({ subject: "CN=robot" });
    const { trace } = decide({ leaf, candidates: [ca], anchors: [root] });
    expect(trace.map(({ check, outcome, certificate }) => [check, outcome, certificate])).toEqual([
      ["certificate", "pass", "CN=robot"],
      ["certificate", "pass", "CN=Root"],
      ["certificate", "pass", "CN=Plant CA,O=Example"],
      ["path", "pass", "CN=robot"],
    ]);
  });

  it("lets the verdict live no longer than the shortest certificate", async () => {
    const leaf = await ca.issue({ subject: "CN=robot", notAfter: daysFromNow(2) });
    const verdict = decide({ leaf, candidates: [ca], anchors: [root] });
    expect(verdict.allowed && verdict.value.validUntil).toBe(leaf.notAfter.getTime() + 999);
  });

  it("says trust_unavailable when there is no anchor at all", async () => {
    const leaf = await ca.issue({ subject: "CN=robot" });
    expect(codeOf(decide({ leaf, candidates: [ca], anchors: [] }))).toBe("trust_unavailable");
  });

  it("says client_certificate_invalid for bytes that are no certificate", () => {
    const leaf = { certificate: Buffer.from("not a certificate") };
    expect(codeOf(decide({ leaf, anchors: [root] }))).toBe("client_certificate_invalid");
  });

  it("says client_certificate_expired with the instant, even where revocation data is missing", async () => {
    const leaf = await ca.issue({
      subject: "CN=robot",
      notBefore: daysFromNow(-9),
      notAfter: new Date(Date.UTC(2026, 0, 1)),
    });
    const verdict = decide({ leaf, candidates: [ca], anchors: [root], crls: [] });
    expect(verdict).toMatchObject({
      code: "client_certificate_expired",
      detail: "CN=robot expired at 2026-01-01T00:00:00Z",
    });
  });

  it("says client_certificate_not_yet_valid before notBefore", async () => {
    const leaf = await ca.issue({ subject: "CN=robot", notBefore: daysFromNow(1) });
    expect(codeOf(decide({ leaf, candidates: [ca], anchors: [root] }))).toBe(
      "client_certificate_not_yet_valid",
    );
  });

  it("counts both ends of the validity in, to the second", async () => {
    const leaf = await ca.issue({ subject: "CN=robot", notBefore: daysFromNow(0), notAfter: daysFromNow(1) });
    const at = (instant: Date, ms: number) =>
      codeOf(decide({ leaf, candidates: [ca], anchors: [root], at: new Date(instant.getTime() + ms) }));
    expect([
      at(leaf.notBefore, -1),
      at(leaf.notBefore, 0),
      at(leaf.notAfter, 999),
      at(leaf.notAfter, 1000),
    ]).toEqual(["client_certificate_not_yet_valid", "allowed", "allowed", "client_certificate_expired"]);
  });

  it("says client_certificate_expired for an expired intermediate and names it", async () => {
    const old = await createAuthority({
      subject: "CN=Old CA",
      issuer: root,
      notBefore: daysFromNow(-9),
      notAfter: daysFromNow(-1),
    });
    const leaf = await old.issue({ subject: "CN=robot" });
    const verdict = decide({ leaf, candidates: [old], anchors: [root] });
    expect(verdict).toMatchObject({
      code: "client_certificate_expired",
      detail: expect.stringContaining("CN=Old CA expired"),
    });
  });

  it("says client_certificate_wrong_usage for a serverAuth-only leaf", async () => {
    const leaf = await ca.issue({ subject: "CN=robot", extendedKeyUsage: ["serverAuth"] });
    expect(codeOf(decide({ leaf, candidates: [ca], anchors: [root] }))).toBe(
      "client_certificate_wrong_usage",
    );
  });

  it("says client_certificate_untrusted for a self-signed leaf", async () => {
    const leaf = await createSelfSigned({ subject: "CN=robot" });
    const verdict = decide({ leaf, anchors: [root] });
    expect(verdict).toMatchObject({
      code: "client_certificate_untrusted",
      detail: expect.stringContaining("self-signed"),
    });
  });

  it("says client_certificate_untrusted for a stranger, whatever else is wrong with it", async () => {
    const stranger = await createAuthority({ subject: "CN=Stranger" });
    const leaf = await stranger.issue({
      subject: "CN=robot",
      extendedKeyUsage: ["serverAuth"],
      notBefore: daysFromNow(-9),
      notAfter: daysFromNow(-1),
    });
    expect(codeOf(decide({ leaf, candidates: [stranger], anchors: [root] }))).toBe(
      "client_certificate_untrusted",
    );
  });

  it("hints at the candidate that bears the issuer's name and did not sign", async () => {
    const impostor = await createAuthority({ subject: "O=Example, CN=Plant CA", issuer: root });
    const leaf = await ca.issue({ subject: "CN=robot" });
    const verdict = decide({ leaf, candidates: [impostor], anchors: [root] });
    expect(verdict).toMatchObject({ code: "client_certificate_untrusted" });
    expect(!verdict.allowed && verdict.detail).toMatch(
      /possibly because of "its key did not sign it" while trying candidate CN=Plant CA,O=Example/,
    );
  });

  it("refuses a CA certificate as a client", async () => {
    expect(codeOf(decide({ leaf: ca, anchors: [root] }))).toBe("client_certificate_wrong_usage");
  });

  it("accepts an anchor that is itself an intermediate", async () => {
    const leaf = await ca.issue({ subject: "CN=robot" });
    expect(codeOf(decide({ leaf, anchors: [ca] }))).toBe("allowed");
  });

  it("skips an expired anchor without losing the others", async () => {
    const expired = await createAuthority({
      subject: "CN=Root",
      notBefore: daysFromNow(-9),
      notAfter: daysFromNow(-1),
    });
    const leaf = await ca.issue({ subject: "CN=robot" });
    expect(codeOf(decide({ leaf, candidates: [ca], anchors: [expired, root] }))).toBe("allowed");
  });

  it("refuses an issuer that is no CA, though it signed", async () => {
    const impostor = await createAuthority({
      subject: "CN=Client as CA",
      issuer: root,
      ca: false,
      pathLength: null,
    });
    const leaf = await impostor.issue({ subject: "CN=robot" });
    const verdict = decide({ leaf, candidates: [impostor], anchors: [root] });
    expect(verdict).toMatchObject({
      code: "client_certificate_invalid",
      detail: expect.stringContaining("is not a CA"),
    });
  });

  it("refuses more CAs than a pathLenConstraint allows", async () => {
    const below = await createAuthority({ subject: "CN=Sub CA", issuer: ca });
    const leaf = await below.issue({ subject: "CN=robot" });
    const verdict = decide({ leaf, candidates: [ca, below], anchors: [root] });
    expect(verdict.trace.find(({ outcome }) => outcome === "fail")?.check).toBe("path-length");
  });

  it("refuses a critical extension that is not understood, in a leaf and in a CA", async () => {
    const extra = { oid: "1.3.6.1.4.1.55738.666.1", critical: true, value: Buffer.of(5, 0) };
    const odd = await createAuthority({ subject: "CN=Odd CA", issuer: root, extraExtensions: [extra] });
    const fromOdd = await odd.issue({ subject: "CN=robot" });
    const oddLeaf = await ca.issue({ subject: "CN=robot", extraExtensions: [extra] });
    expect(codeOf(decide({ leaf: fromOdd, candidates: [odd], anchors: [root] }))).toBe(
      "client_certificate_invalid",
    );
    expect(codeOf(decide({ leaf: oddLeaf, candidates: [ca], anchors: [root] }))).toBe(
      "client_certificate_invalid",
    );
  });

  it("tells the failure of the path that came furthest", async () => {
    const expiredTwin = await createAuthority({
      subject: "O=Example, CN=Plant CA",
      issuer: root,
      keyPair: { publicKey: ca.publicKey, privateKey: ca.keyObject },
      notBefore: daysFromNow(-9),
      notAfter: daysFromNow(-1),
    });
    const leaf = await ca.issue({ subject: "CN=robot" });
    const crls = [await root.crl(), await ca.crl({ revoked: [{ serial: leaf.serial }] })];
    const verdict = decide({ leaf, candidates: [expiredTwin, ca], anchors: [root], crls });
    expect(codeOf(verdict)).toBe("client_certificate_revoked");
  });

  it("decides the same whether a candidate comes as bytes or was read before", async () => {
    const leaf = await ca.issue({ subject: "CN=robot" });
    const known = parseCertificate(ca.certificate);
    expect(codeOf(decide({ leaf, candidates: [known], anchors: [root] }))).toBe("allowed");
    expect(codeOf(decide({ leaf, candidates: [known, ca], anchors: [root] }))).toBe("allowed");
  });

  it("accepts nothing at an instant that is no number", async () => {
    const leaf = await ca.issue({ subject: "CN=robot" });
    expect(decide({ leaf, candidates: [ca], anchors: [root], at: new Date(Number.NaN) }).allowed).toBe(false);
  });

  it("keeps its sentences short under names of any length", async () => {
    const leaf = await ca.issue({ subject: `CN=${"x".repeat(20_000)}`, extendedKeyUsage: ["serverAuth"] });
    const verdict = decide({ leaf, candidates: [ca], anchors: [root] });
    expect(!verdict.allowed && verdict.detail.length).toBeLessThan(400);
  });

  it("ignores candidates that are no certificates and says so", async () => {
    const leaf = await ca.issue({ subject: "CN=robot" });
    const verdict = decide({ leaf, candidates: [{ certificate: Buffer.of(1, 2, 3) }, ca], anchors: [root] });
    expect(codeOf(verdict)).toBe("allowed");
    expect(verdict.trace[0]).toMatchObject({ check: "candidates", outcome: "info" });
  });
});
