import { createHash } from "node:crypto";
import type { Certificate } from "./certificate.ts";
import { DerReader } from "./der-reader.ts";
import { oid } from "./object-identifiers.ts";
import type { PublicKey } from "./public-key.ts";

/** The hashes that a CertID may be made with here. */
export type CertIdHash = "sha1" | "sha256";

/** Which certificate is meant: CertID (RFC 6960 4.1.1). */
export interface CertId {
  /** Dotted. */
  readonly hashAlgorithm: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** The INTEGER's content octets. */
  readonly serial: Uint8Array;
}

/**
 * SHA-1 serves as a label here, as RFC 5019 2.1.1 demands and most responders understand alone. Nothing rests on it: a
 * collision would only make an answer look as if it were about another issuer's certificate, and whoever signs
 * answers has to be authorised by the very issuer that is asked about.
 *
 * @param issuer whose key signed the certificate
 */
export function certIdOf(certificate: Certificate, issuer: Certificate, hash: CertIdHash): CertId {
  const digest = (data: Uint8Array) => createHash(hash).update(data).digest();
  return {
    hashAlgorithm: oid[hash],
    issuerNameHash: digest(certificate.issuer.der),
    issuerKeyHash: digest(subjectPublicKeyOf(issuer.publicKey)),
    serial: certificate.serial,
  };
}

export const sameCertId = (a: CertId, b: CertId): boolean =>
  a.hashAlgorithm === b.hashAlgorithm &&
  Buffer.compare(a.issuerNameHash, b.issuerNameHash) === 0 &&
  Buffer.compare(a.issuerKeyHash, b.issuerKeyHash) === 0 &&
  Buffer.compare(a.serial, b.serial) === 0;

/** The bits of subjectPublicKey without tag, length and count of unused bits: what key hashes are made of. */
export function subjectPublicKeyOf({ der }: PublicKey): Uint8Array {
  const info = new DerReader(der, "subjectPublicKeyInfo").sequence();
  info.raw();
  return info.octetBitString();
}
