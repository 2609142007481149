import { constants, generateKeyPairSync, sign } from "node:crypto";
import { expect, it } from "vitest";
import { PublicKey } from "../../../src/pki/public-key.ts";
import { type SignatureAlgorithm, verifySignature } from "../../../src/pki/signature-algorithms.ts";

it("takes a signature for not made by an RSASSA-PSS key whose own parameters forbid it, and does not throw", () => {
  const strict = generateKeyPairSync("rsa-pss", {
    modulusLength: 2048,
    hashAlgorithm: "sha512",
    mgf1HashAlgorithm: "sha512",
  });
  const plain = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const data = Buffer.from("data");
  const signature = sign("sha256", data, {
    key: plain.privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  });
  const key = new PublicKey(strict.publicKey.export({ type: "spki", format: "der" }));
  const algorithm: SignatureAlgorithm = {
    supported: true,
    scheme: { name: "rsa-pss-sha256", keys: ["rsa", "rsa-pss"], hash: "sha256", parameters: "pss" },
  };
  expect(verifySignature(data, algorithm, signature, key)).toBe(false);
});
