import { createSecureContext } from "node:tls";

import forge from "node-forge";
import { describe, expect, it } from "vitest";

import type { KeyAlgorithm } from "../../../../src/dev/pki/authority.ts";
import { toPkcs12 } from "../../../../src/dev/pki/pkcs12.ts";
import { testPki } from "../../../support/test-pki.ts";

const protections = ["aes-256", "3des"] as const;
const passwords = ["", "with ümlaut"] as const;
const algorithms: readonly KeyAlgorithm[] = ["rsa-2048", "ec-p256", "ec-p384"];
const cases = protections.flatMap((protection) =>
  passwords.flatMap((password) => algorithms.map((algorithm) => ({ protection, password, algorithm }))),
);

describe("toPkcs12", () => {
  it.each(cases)("OpenSSL opens $algorithm, $protection, password '$password'", async (options) => {
    const { intermediate } = await testPki();
    const leaf = await intermediate.issue({ subject: "CN=pfx", keyAlgorithm: options.algorithm });
    const pfx = toPkcs12({ chain: leaf.chain, privateKey: leaf.keyObject, ...options });
    expect(() => createSecureContext({ pfx, passphrase: options.password })).not.toThrow();
    expect(() => createSecureContext({ pfx, passphrase: "wrong" })).toThrow(/mac verify failure/i);
  });

  it.each(protections)("node-forge reads its certificates and MAC under %s", async (protection) => {
    const { client } = await testPki();
    const pfx = toPkcs12({ chain: client.chain, privateKey: client.keyObject, protection });
    const opened = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(pfx.toString("latin1")), "");
    const certificates = opened.getBags({ bagType: String(forge.pki.oids["certBag"]) });
    const bags = certificates[String(forge.pki.oids["certBag"])] ?? [];
    expect(bags).toHaveLength(client.chain.length);
  });
});
