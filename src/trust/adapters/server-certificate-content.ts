import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { GatewayError } from "../../kernel/errors.ts";
import { decodePem } from "../../pki/pem.ts";
import type { ServerCertificate } from "../ports.ts";
import { assembleServerCertificate } from "../server-certificate.ts";
import { openPkcs12 } from "./pkcs12.ts";

/**
 * A server certificate out of PEM: certificates in any order, and the key in the same text or in another.
 * @throws GatewayError `trust_unavailable`; the sentence never holds content
 */
export function serverCertificateFromPem(certificates: string, key: string): ServerCertificate {
  return assembleServerCertificate(decodePem(certificates, "CERTIFICATE").map(parse), readKey(key));
}

/** The same out of PKCS#12. */
export async function serverCertificateFromPkcs12(
  bytes: Uint8Array,
  passphrase?: string,
): Promise<ServerCertificate> {
  const { certificates, privateKeys } = await openPkcs12(bytes, passphrase);
  const [key, another] = privateKeys;
  if (key === undefined) throw unusable("the PKCS#12 file holds no private key");
  if (another !== undefined) throw unusable("the PKCS#12 file holds more than one private key");
  return assembleServerCertificate(certificates.map(parse), key);
}

function parse(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (fault) {
    throw unusable("one of the certificates cannot be read", fault);
  }
}

function readKey(pem: string): KeyObject {
  const block = /-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----[^-]*-----END \1-----/.exec(pem);
  if (block === null) throw unusable("there is no private key in PEM form");
  if (block[1] === "ENCRYPTED PRIVATE KEY" || block[0].includes("Proc-Type:"))
    throw unusable("the private key is encrypted; give it without a password, or keep it in a Key Vault");
  try {
    return createPrivateKey(block[0]);
  } catch {
    // OpenSSL's reason may quote the key's bytes; the position of the fault helps nobody.
    throw unusable("the private key cannot be read");
  }
}

const unusable = (why: string, cause?: unknown): GatewayError =>
  new GatewayError("trust_unavailable", why, { cause });
