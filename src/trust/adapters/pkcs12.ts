import { createPrivateKey, type KeyObject } from "node:crypto";
import type * as Forge from "node-forge";
import { GatewayError } from "../../kernel/errors.ts";

/** What a PKCS#12 file holds, as far as a TLS server needs it. */
export interface Pkcs12Contents {
  /** DER, in the file's order: it promises none. */
  readonly certificates: readonly Uint8Array[];
  readonly privateKeys: readonly KeyObject[];
}

/**
 * Opens a PKCS#12 (PFX) file. node-forge only takes off the encryption; what comes out goes to `node:crypto`, because
 * node-forge knows no EC key. It is loaded here because a gateway with PEM files never needs it.
 * @throws GatewayError `trust_unavailable`; the sentence never holds content
 */
export async function openPkcs12(bytes: Uint8Array, passphrase = ""): Promise<Pkcs12Contents> {
  const { default: forge } = await import("node-forge");
  try {
    return readBags(forge, decrypt(forge, bytes, passphrase));
  } catch (fault) {
    throw new GatewayError(
      "trust_unavailable",
      "the PKCS#12 file cannot be opened; is it damaged, or is its password wrong?",
      { cause: new Error(fault instanceof Error ? fault.message : "unknown") },
    );
  }
}

function decrypt(forge: typeof Forge, bytes: Uint8Array, passphrase: string): Forge.pkcs12.Pkcs12Pfx {
  const asn1 = forge.asn1.fromDer(forge.util.createBuffer(Buffer.from(bytes).toString("binary")));
  try {
    return forge.pkcs12.pkcs12FromAsn1(asn1, passphrase);
  } catch (fault) {
    // Tools disagree whether no password is the empty string or nothing at all (RFC 7292 appendix B.1).
    if (passphrase !== "") throw fault;
    return forge.pkcs12.pkcs12FromAsn1(asn1);
  }
}

function readBags({ asn1, pki }: typeof Forge, { safeContents }: Forge.pkcs12.Pkcs12Pfx): Pkcs12Contents {
  const der = (value: Forge.asn1.Asn1): Buffer => Buffer.from(asn1.toDer(value).getBytes(), "binary");
  const bags = safeContents.flatMap(({ safeBags }) => safeBags);
  const certBag = pki.oids["certBag"];
  const keyBags = new Set([pki.oids["keyBag"], pki.oids["pkcs8ShroudedKeyBag"]]);
  return {
    // Where node-forge understands a certificate or key (RSA) it hides the ASN.1; where not, it hands it out.
    certificates: bags
      .filter(({ type }) => type === certBag)
      .map((bag) => der(bag.cert ? pki.certificateToAsn1(bag.cert) : bag.asn1)),
    privateKeys: bags
      .filter(({ type }) => keyBags.has(type))
      .map((bag) => {
        const key = bag.key ? pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(bag.key)) : bag.asn1;
        return createPrivateKey({ key: der(key), format: "der", type: "pkcs8" });
      }),
  };
}
