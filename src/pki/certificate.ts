import { createHash } from "node:crypto";
import { contextConstructed, contextTag, DerReader } from "./der-reader.ts";
import { readTime } from "./der-time.ts";
import { decodeExtensions, type Extension, type KnownExtensions, readExtensions } from "./extensions.ts";
import { type Name, readName } from "./name.ts";
import { malformed, PkiError } from "./pki-error.ts";
import { PublicKey } from "./public-key.ts";
import { readAlgorithm, type SignatureAlgorithm, verifySignature } from "./signature-algorithms.ts";

/**
 * The largest certificate that is read, in bytes. Certificates with ML-DSA-87 keys take 8 kB; a thousand names take
 * 50 kB; OpenSSL takes at most 100 kB from a peer (SSL_MAX_CERT_LIST_DEFAULT).
 */
const maximumCertificateSize = 256 * 1024;

/** A certificate that was read, not verified. Immutable; what it derives from its bytes it derives once. */
export class Certificate {
  readonly der: Uint8Array;
  /** TBSCertificate: what the signature covers. */
  readonly toBeSigned: Uint8Array;
  readonly version: 1 | 2 | 3;
  /** The INTEGER's content octets. Compare them as octets: their numbers or texts may collide. */
  readonly serial: Uint8Array;
  readonly issuer: Name;
  readonly subject: Name;
  /** Epoch ms, inclusive. */
  readonly notBefore: number;
  /** Epoch ms, inclusive: the certificate is valid during the whole of that second. */
  readonly notAfter: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly publicKey: PublicKey;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly extensions: readonly Extension[];
  readonly known: Readonly<KnownExtensions>;
  #serialHex: string | undefined;
  #sha256: string | undefined;
  #sha1: string | undefined;
  /** Issuers whose key was seen to verify this signature or not: a fact about two immutable objects. */
  readonly #signedBy = new WeakMap<Certificate, boolean>();

  /** @throws PkiError; see `parseCertificate`. */
  constructor(der: Uint8Array) {
    if (der.length > maximumCertificateSize) throw new PkiError("too-large", "certificate: over 256 kB");
    const file = new DerReader(der, "certificate");
    const certificate = file.sequence();
    file.finish();
    this.der = der;

    const tbsStart = certificate.position;
    const tbs = certificate.sequence("tbsCertificate");
    this.toBeSigned = der.subarray(tbsStart, certificate.position);
    const outerAlgorithm = certificate.raw(0x30);
    this.signature = certificate.octetBitString();
    certificate.finish();

    this.version = readVersion(tbs);
    this.serial = tbs.integer();
    const innerAlgorithm = tbs.raw(0x30);
    // RFC 5280 4.1.1.2. Only the inner one is signed, so a different outer one is somebody else's choice.
    if (Buffer.compare(innerAlgorithm, outerAlgorithm) !== 0)
      throw malformed("certificate", "the two signature algorithms differ");
    this.signatureAlgorithm = readAlgorithm(innerAlgorithm);
    this.issuer = readName(tbs, "issuer");
    const validity = tbs.sequence("validity");
    this.notBefore = readTime(validity, "notBefore");
    this.notAfter = readTime(validity, "notAfter");
    validity.finish();
    this.subject = readName(tbs, "subject");
    this.subjectPublicKeyInfo = tbs.raw(0x30);
    this.publicKey = new PublicKey(this.subjectPublicKeyInfo);
    this.extensions = readTail(tbs, this.version);
    this.known = decodeExtensions(this.extensions);
  }

  /** Issuer and subject are the same name: the certificate does not count for path lengths (RFC 5280 6.1.4). */
  get isSelfIssued(): boolean {
    return this.subject.equals(this.issuer);
  }

  /** basicConstraints says CA (RFC 5280 4.2.1.9). */
  get isCa(): boolean {
    return this.known.basicConstraints?.ca === true;
  }

  /** Lower-case hexadecimal of the serial number's octets. */
  get serialHex(): string {
    return (this.#serialHex ??= Buffer.from(this.serial).toString("hex"));
  }

  get sha256(): string {
    return (this.#sha256 ??= createHash("sha256").update(this.der).digest("hex"));
  }

  get sha1(): string {
    return (this.#sha1 ??= createHash("sha1").update(this.der).digest("hex"));
  }

  /** The outcome of an earlier `isSignedBy`, which costs nothing to repeat. */
  knownSignatureBy(issuer: Certificate): boolean | undefined {
    return this.#signedBy.get(issuer);
  }

  /** Whether the issuer's key made this certificate's signature. Names and rights are not looked at. */
  isSignedBy(issuer: Certificate): boolean {
    const known = this.#signedBy.get(issuer);
    if (known !== undefined) return known;
    const valid = verifySignature(this.toBeSigned, this.signatureAlgorithm, this.signature, issuer.publicKey);
    this.#signedBy.set(issuer, valid);
    return valid;
  }
}

/**
 * Reads one DER certificate (RFC 5280 4.1). Nothing about it is verified. The certificate is a view of `der`, which
 * must not be changed from then on.
 * @throws PkiError where it is not strict DER, exceeds 256 kB, repeats an extension, names two signature algorithms,
 *   or carries a malformed extension of a known kind
 */
export const parseCertificate = (der: Uint8Array): Certificate => new Certificate(der);

/** SHA-256 over the DER, 64 lower-case hexadecimal digits. */
export const sha256Thumbprint = (certificate: Certificate): string => certificate.sha256;

/** SHA-1 over the DER, 40 lower-case hexadecimal digits: an identifier that people copy, never a proof. */
export const sha1Thumbprint = (certificate: Certificate): string => certificate.sha1;

function readVersion(tbs: DerReader): 1 | 2 | 3 {
  if (!tbs.sees(contextConstructed(0))) return 1;
  const explicit = tbs.enter(contextConstructed(0), "version");
  const version = explicit.smallInteger();
  explicit.finish();
  // v1 is the default, which DER forbids to encode.
  if (version !== 1 && version !== 2) throw malformed("version", "neither v2 nor v3");
  return version === 1 ? 2 : 3;
}

/** Unique identifiers (never used, since v2) and extensions (since v3). */
function readTail(tbs: DerReader, version: 1 | 2 | 3): readonly Extension[] {
  for (const n of [1, 2]) if (version >= 2 && tbs.sees(contextTag(n))) tbs.bitString(contextTag(n));
  if (version < 3 || !tbs.sees(contextConstructed(3))) {
    tbs.finish();
    return [];
  }
  const explicit = tbs.enter(contextConstructed(3), "extensions");
  const extensions = readExtensions(explicit, "extensions");
  explicit.finish();
  tbs.finish();
  return extensions;
}
