import { malformed } from "./pki-error.ts";

/** Every object identifier that a decision here depends on, by the name that its standard uses. */
export const oid = {
  // RFC 5280 4.2.1
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  issuerAltName: "2.5.29.18",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  cRLDistributionPoints: "2.5.29.31",
  certificatePolicies: "2.5.29.32",
  policyMappings: "2.5.29.33",
  authorityKeyIdentifier: "2.5.29.35",
  policyConstraints: "2.5.29.36",
  extKeyUsage: "2.5.29.37",
  freshestCRL: "2.5.29.46",
  inhibitAnyPolicy: "2.5.29.54",
  subjectDirectoryAttributes: "2.5.29.9",
  authorityInfoAccess: "1.3.6.1.5.5.7.1.1",
  subjectInfoAccess: "1.3.6.1.5.5.7.1.11",
  // RFC 5280 4.2.1.4, 4.2.1.12, 4.2.2.1
  anyPolicy: "2.5.29.32.0",
  cpsQualifier: "1.3.6.1.5.5.7.2.1",
  userNoticeQualifier: "1.3.6.1.5.5.7.2.2",
  anyExtendedKeyUsage: "2.5.29.37.0",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  ocspAccess: "1.3.6.1.5.5.7.48.1",
  // RFC 6960 4.2.1, 4.2.2.2, 4.4
  ocspSigning: "1.3.6.1.5.5.7.3.9",
  ocspBasic: "1.3.6.1.5.5.7.48.1.1",
  ocspNonce: "1.3.6.1.5.5.7.48.1.2",
  ocspNoCheck: "1.3.6.1.5.5.7.48.1.5",
  ocspExtendedRevoke: "1.3.6.1.5.5.7.48.1.9",
  // RFC 5280 5.2 and 5.3
  cRLNumber: "2.5.29.20",
  reasonCode: "2.5.29.21",
  invalidityDate: "2.5.29.24",
  deltaCRLIndicator: "2.5.29.27",
  issuingDistributionPoint: "2.5.29.28",
  certificateIssuer: "2.5.29.29",
  // Names: RFC 5280 4.1.2.6, RFC 9598
  emailAddress: "1.2.840.113549.1.9.1",
  smtpUtf8Mailbox: "1.3.6.1.5.5.7.8.9",
  // Keys and signatures: RFC 4055, 5480, 5758, 8410, 9881
  rsaEncryption: "1.2.840.113549.1.1.1",
  mgf1: "1.2.840.113549.1.1.8",
  rsassaPss: "1.2.840.113549.1.1.10",
  sha256WithRsa: "1.2.840.113549.1.1.11",
  sha384WithRsa: "1.2.840.113549.1.1.12",
  sha512WithRsa: "1.2.840.113549.1.1.13",
  ecPublicKey: "1.2.840.10045.2.1",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  ecdsaWithSha384: "1.2.840.10045.4.3.3",
  ecdsaWithSha512: "1.2.840.10045.4.3.4",
  p256: "1.2.840.10045.3.1.7",
  p384: "1.3.132.0.34",
  p521: "1.3.132.0.35",
  ed25519: "1.3.101.112",
  ed448: "1.3.101.113",
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
  mlDsa44: "2.16.840.1.101.3.4.3.17",
  mlDsa65: "2.16.840.1.101.3.4.3.18",
  mlDsa87: "2.16.840.1.101.3.4.3.19",
} as const;

/** An arc needs at most 128 bits (UUIDs under 2.25); more is an attack on the reader. */
const maximumArcBits = 128;

/**
 * The dotted form of an OBJECT IDENTIFIER's content octets (X.690 8.19).
 * @throws PkiError where an arc is not minimal, is cut off or is absurdly large.
 */
export function readObjectIdentifier(content: Uint8Array, what: string): string {
  if (content.length === 0) throw malformed(what, "OBJECT IDENTIFIER without content");
  let dotted = "";
  let arc = 0;
  let big = 0n;
  let bits = 0;
  for (const byte of content) {
    if (bits === 0 && byte === 0x80) throw malformed(what, "OBJECT IDENTIFIER is not minimal");
    bits += 7;
    if (bits > maximumArcBits + 7) throw malformed(what, "OBJECT IDENTIFIER with an oversized arc");
    // 49 bits are exact in a double; only UUID arcs take the slow road.
    if (bits <= 49) arc = arc * 128 + (byte & 0x7f);
    else big = (bits === 56 ? BigInt(arc) : big) * 128n + BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    const value = bits <= 49 ? BigInt(arc) : big;
    if (dotted === "") dotted = value < 80n ? `${value / 40n}.${value % 40n}` : `2.${value - 80n}`;
    else dotted += `.${value}`;
    arc = 0;
    bits = 0;
  }
  if (bits !== 0) throw malformed(what, "OBJECT IDENTIFIER is cut off");
  return dotted;
}
