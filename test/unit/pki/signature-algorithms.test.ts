import { describe, expect, it } from "vitest";
import { createAuthority, type KeyAlgorithm, type SigningOptions } from "../../../src/dev/pki/authority.ts";
import { parseCertificate } from "../../../src/pki/certificate.ts";
import { verifySignature } from "../../../src/pki/signature-algorithms.ts";
import { codeOf, decide } from "./support/decide.ts";

const chainOf = async (keyAlgorithm: KeyAlgorithm, signing: SigningOptions = {}) => {
  const root = await createAuthority({ subject: "CN=Root", keyAlgorithm, signing });
  const leaf = await root.issue({ subject: "CN=robot", keyAlgorithm, signing });
  return { root, leaf };
};

describe("signature algorithms", () => {
  const algorithms: KeyAlgorithm[] = [
    "rsa-2048",
    "rsa-3072",
    "ec-p256",
    "ec-p384",
    "ec-p521",
    "ed25519",
    "ed448",
    "ml-dsa-44",
    "ml-dsa-65",
    "ml-dsa-87",
  ];
  it.each(algorithms)("accepts a chain of %s keys", async (keyAlgorithm) => {
    const { root, leaf } = await chainOf(keyAlgorithm);
    expect(codeOf(decide({ leaf, anchors: [root] }))).toBe("allowed");
  });

  it.each(["SHA-256", "SHA-384", "SHA-512"] as const)("accepts RSASSA-PSS with %s", async (hash) => {
    const { root, leaf } = await chainOf("rsa-2048", { rsaPadding: "pss", hash });
    expect(codeOf(decide({ leaf, anchors: [root] }))).toBe("allowed");
  });

  it.each([
    ["rsa-2048", {}],
    ["rsa-2048", { rsaPadding: "pss" }],
    ["ec-p256", {}],
  ] as const)("refuses SHA-1 under %s %o", async (keyAlgorithm, padding) => {
    const { root, leaf } = await chainOf(keyAlgorithm, { ...padding, hash: "SHA-1" });
    const verdict = decide({ leaf, anchors: [root] });
    expect(codeOf(verdict)).toBe("client_certificate_invalid");
    expect(verdict.trace.find(({ outcome }) => outcome === "fail")?.check).toBe("signature-algorithm");
  });

  it("accepts an anchor that signed itself with SHA-1: nobody relies on that signature", async () => {
    const root = await createAuthority({
      subject: "CN=Root",
      keyAlgorithm: "rsa-2048",
      signing: { hash: "SHA-1" },
    });
    const leaf = await root.issue({ subject: "CN=robot" });
    expect(codeOf(decide({ leaf, anchors: [root] }))).toBe("allowed");
  });

  it("refuses RSA keys below the configured size, the leaf's included", async () => {
    const { root, leaf } = await chainOf("rsa-2048");
    expect(codeOf(decide({ leaf, anchors: [root], rules: { minimumRsaBits: 3072 } }))).toBe(
      "client_certificate_invalid",
    );
  });

  it("refuses an algorithm that is switched off", async () => {
    const { root, leaf } = await chainOf("ec-p256");
    const rules = { signatureAlgorithms: ["ed25519"] as const };
    expect(codeOf(decide({ leaf, anchors: [root], rules }))).toBe("client_certificate_invalid");
  });

  it("does not verify a signature with a key of another kind", async () => {
    const { leaf } = await chainOf("ec-p256");
    const other = await createAuthority({ subject: "CN=Root", keyAlgorithm: "rsa-2048" });
    const { toBeSigned, signatureAlgorithm, signature } = parseCertificate(leaf.certificate);
    const key = parseCertificate(other.certificate).publicKey;
    expect(verifySignature(toBeSigned, signatureAlgorithm, signature, key)).toBe(false);
  });

  it("does not verify a signature over other bytes", async () => {
    const { root, leaf } = await chainOf("ec-p256");
    const { toBeSigned, signatureAlgorithm, signature } = parseCertificate(leaf.certificate);
    const changed = Buffer.from(toBeSigned);
    changed[changed.length - 1]! ^= 1;
    const key = parseCertificate(root.certificate).publicKey;
    expect(verifySignature(toBeSigned, signatureAlgorithm, signature, key)).toBe(true);
    expect(verifySignature(changed, signatureAlgorithm, signature, key)).toBe(false);
  });
});
