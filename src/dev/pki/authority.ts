import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";

import { decodePem } from "../../pki/pem.ts";
import {
  type CertificateOptions,
  describeCertificate,
  type IssuedCertificate,
  makeCertificate,
  nameOf,
  type Signer,
} from "./certificate.ts";
import { type CrlOptions, type IssuedCrl, makeCrl } from "./crl.ts";
import type { ExtendedKeyUsage, KeyUsage } from "./extensions.ts";
import { x509 } from "./x509-library.ts";

export type { CertificateOptions, IssuedCertificate } from "./certificate.ts";
export type { CrlOptions, IssuedCrl, RevokedEntry, RevocationReason } from "./crl.ts";
export {
  type ExtendedKeyUsage,
  extensionOids,
  type KeyUsage,
  type RawExtension,
  type SubjectAltName,
} from "./extensions.ts";
export { createKeyPair, type KeyAlgorithm, type KeyPair } from "./keys.ts";
export type { SigningOptions } from "./signature.ts";

export interface AuthorityOptions extends CertificateOptions {
  /** Absent: a self-signed root. */
  readonly issuer?: Authority;
  /** pathLenConstraint; default: none for a root, 0 below one. `null`: none. */
  readonly pathLength?: number | null;
  /** Default keyCertSign and cRLSign; empty: the extension is left out. */
  readonly keyUsage?: readonly KeyUsage[];
  /** Default none. */
  readonly extendedKeyUsage?: readonly ExtendedKeyUsage[];
  /** Default true; false makes an issuer that may not issue. */
  readonly ca?: boolean;
}

export interface LeafOptions extends CertificateOptions {
  /** Default clientAuth; empty: the extension is left out. */
  readonly extendedKeyUsage?: readonly ExtendedKeyUsage[];
  /** Default digitalSignature, with keyEncipherment for RSA; empty: the extension is left out. */
  readonly keyUsage?: readonly KeyUsage[];
}

/** A CA: a certificate that can issue. */
export interface Authority extends IssuedCertificate {
  /** DER of its subject Name. */
  readonly name: Uint8Array;
  issue(options: LeafOptions): Promise<IssuedCertificate>;
  crl(options?: CrlOptions): Promise<IssuedCrl>;
}

/** Makes a root, or an intermediate below `issuer`. Nothing is written anywhere. */
export async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  const { issuer, ca = true, keyUsage = ["keyCertSign", "cRLSign"], extendedKeyUsage = [] } = options;
  const pathLength = options.pathLength === undefined && issuer !== undefined ? 0 : options.pathLength;
  const made = await makeCertificate(
    { ...options, lifetimeDays: 3650 },
    () => ({
      basicConstraints: { ca, ...(pathLength === null ? {} : { pathLength }) },
      keyUsage,
      extendedKeyUsage,
      subjectAltNames: options.subjectAltNames,
      crlDistributionPoints: options.crlDistributionPoints,
    }),
    issuer === undefined ? undefined : signerOf(issuer),
  );
  return authorityOf(made, nameOf(options.subject), issuer === undefined);
}

/**
 * An authority out of its stored certificate and key, to go on issuing.
 * @param above the issuer of this one, absent for a root.
 * @throws Error when the PEM holds no certificate, or the key is not the certificate's.
 */
export function restoreAuthority(certificatePem: string, keyPem: string, above?: Authority): Authority {
  const [first] = decodePem(certificatePem, "CERTIFICATE");
  if (first === undefined) throw new Error("no certificate in the authority's PEM");
  const der = Buffer.from(first);
  const certificate = new X509Certificate(der);
  const privateKey = createPrivateKey(keyPem);
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error("the authority's key is not its certificate's");
  const made = describeCertificate(
    der,
    { privateKey, publicKey: createPublicKey(privateKey) },
    above === undefined ? [] : signerOf(above).above,
    {
      serial: certificate.serialNumber.toLowerCase(),
      notBefore: certificate.validFromDate,
      notAfter: certificate.validToDate,
    },
  );
  const name = Buffer.from(new x509.X509Certificate(der).subjectName.toArrayBuffer());
  return authorityOf(made, name, above === undefined);
}

/** A certificate that vouches for itself; as a leaf unless `ca` is set. */
export async function createSelfSigned(
  options: LeafOptions & { readonly ca?: boolean },
): Promise<IssuedCertificate> {
  const { ca = false, extendedKeyUsage = ["clientAuth"] } = options;
  return makeCertificate({ ...options, lifetimeDays: 90 }, (keyType) => ({
    basicConstraints: { ca },
    keyUsage: options.keyUsage ?? leafKeyUsage(keyType),
    extendedKeyUsage,
    subjectAltNames: options.subjectAltNames,
    crlDistributionPoints: options.crlDistributionPoints,
  }));
}

/** RSA keys may also carry TLS 1.2 key transport; others only sign. */
const leafKeyUsage = (keyType: string | undefined): readonly KeyUsage[] =>
  keyType === "rsa" ? ["digitalSignature", "keyEncipherment"] : ["digitalSignature"];

const roots = new WeakSet<Authority>();

const signerOf = (authority: Authority): Signer => ({
  keyObject: authority.keyObject,
  publicKey: authority.publicKey,
  name: authority.name,
  above: roots.has(authority) ? [] : authority.chain,
});

function authorityOf(made: IssuedCertificate, name: Uint8Array, isRoot: boolean): Authority {
  const authority: Authority = {
    ...made,
    name,
    issue: (options) =>
      makeCertificate(
        { ...options, lifetimeDays: 90 },
        (keyType) => ({
          basicConstraints: { ca: false },
          keyUsage: options.keyUsage ?? leafKeyUsage(keyType),
          extendedKeyUsage: options.extendedKeyUsage ?? ["clientAuth"],
          subjectAltNames: options.subjectAltNames,
          crlDistributionPoints: options.crlDistributionPoints,
        }),
        signerOf(authority),
      ),
    crl: (options) => makeCrl(signerOf(authority), options),
  };
  if (isRoot) roots.add(authority);
  return authority;
}
