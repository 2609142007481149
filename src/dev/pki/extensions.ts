import type { KeyObject } from "node:crypto";

import { derTrue, octetString, oid, sequence } from "./der.ts";
import { x509 } from "./x509-library.ts";

/** RFC 5280 4.2.1.3. */
export type KeyUsage =
  | "digitalSignature"
  | "nonRepudiation"
  | "keyEncipherment"
  | "dataEncipherment"
  | "keyAgreement"
  | "keyCertSign"
  | "cRLSign"
  | "encipherOnly"
  | "decipherOnly";

const usageOids = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  emailProtection: "1.3.6.1.5.5.7.3.4",
  timeStamping: "1.3.6.1.5.5.7.3.8",
  ocspSigning: "1.3.6.1.5.5.7.3.9",
  anyExtendedKeyUsage: "2.5.29.37.0",
} as const;

/** A well-known purpose, or any OID in dotted form. */
export type ExtendedKeyUsage = keyof typeof usageOids | `${number}.${string}`;

export interface SubjectAltName {
  readonly type: "dns" | "ip" | "email" | "url" | "dn";
  readonly value: string;
}

/** An extension as it stands; `value` is the DER inside the OCTET STRING. */
export interface RawExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** Object identifiers of the extensions that the builder adds by itself. */
export const extensionOids = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  crlNumber: "2.5.29.20",
  crlDistributionPoints: "2.5.29.31",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
} as const;

export interface ExtensionChoices {
  /** Absent: no basicConstraints. */
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number | undefined };
  /** Empty: the extension is left out. */
  readonly keyUsage: readonly KeyUsage[];
  /** Empty: the extension is left out. */
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
  readonly subjectAltNames?: readonly SubjectAltName[] | undefined;
  /** URLs. */
  readonly crlDistributionPoints?: readonly string[] | undefined;
  /** OIDs of standard extensions to leave out, for malformed certificates. */
  readonly omitExtensions?: readonly string[] | undefined;
  /** Added last, as they stand. To replace a standard one, omit it too. */
  readonly extraExtensions?: readonly RawExtension[] | undefined;
}

/** The SHA-1 of the subjectPublicKey bits (RFC 5280 4.2.1.2 (1)), hexadecimal: a label, not a proof. */
export async function keyIdentifier(publicKey: KeyObject): Promise<string> {
  const info = new x509.PublicKey(publicKey.export({ format: "der", type: "spki" }));
  return Buffer.from(await info.getKeyIdentifier("SHA-1")).toString("hex");
}

/** The extensions for a certificate over one key, signed with another: each as the DER of an `Extension`. */
export function buildExtensions(
  choices: ExtensionChoices,
  subjectKeyIdentifier: string,
  issuerKeyIdentifier: string,
): Buffer[] {
  const { basicConstraints, keyUsage, extendedKeyUsage, subjectAltNames = [] } = choices;
  const { crlDistributionPoints = [], omitExtensions = [], extraExtensions = [] } = choices;
  const standard: x509.Extension[] = [];
  if (basicConstraints !== undefined)
    standard.push(new x509.BasicConstraintsExtension(basicConstraints.ca, basicConstraints.pathLength, true));
  if (keyUsage.length > 0) standard.push(new x509.KeyUsagesExtension(keyUsageFlags(keyUsage), true));
  if (extendedKeyUsage.length > 0)
    standard.push(new x509.ExtendedKeyUsageExtension(extendedKeyUsage.map(usageOid)));
  if (subjectAltNames.length > 0)
    standard.push(new x509.SubjectAlternativeNameExtension([...subjectAltNames]));
  if (crlDistributionPoints.length > 0)
    standard.push(new x509.CRLDistributionPointsExtension([...crlDistributionPoints]));
  standard.push(
    new x509.SubjectKeyIdentifierExtension(subjectKeyIdentifier),
    new x509.AuthorityKeyIdentifierExtension(issuerKeyIdentifier),
  );
  return [
    ...standard
      .filter((extension) => !omitExtensions.includes(extension.type))
      .map((extension) => Buffer.from(extension.rawData)),
    ...extraExtensions.map(rawExtension),
  ];
}

/** The authorityKeyIdentifier of a CRL. */
export const authorityKeyIdentifier = (issuerKeyIdentifier: string): Buffer =>
  Buffer.from(new x509.AuthorityKeyIdentifierExtension(issuerKeyIdentifier).rawData);

/** `Extension`: critical is left out when false, as DER asks of a default. */
export const rawExtension = (extension: RawExtension): Buffer =>
  sequence(oid(extension.oid), ...(extension.critical ? [derTrue] : []), octetString(extension.value));

const usageOid = (usage: ExtendedKeyUsage): string =>
  Object.hasOwn(usageOids, usage) ? ((usageOids as Readonly<Record<string, string>>)[usage] ?? usage) : usage;

const keyUsageFlags = (usages: readonly KeyUsage[]): x509.KeyUsageFlags =>
  // A sum of the library's flags is again one of its flags, which its enum type cannot say.
  usages.map((usage): number => x509.KeyUsageFlags[usage]).reduce((flags, flag) => flags | flag, 0);
