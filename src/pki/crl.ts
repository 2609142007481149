import type { Certificate } from "./certificate.ts";
import { type CrlEntry, CrlEntries, type CrlEntryIndex } from "./crl-entries.ts";
import { contextConstructed, DerReader, tag } from "./der-reader.ts";
import { readTime } from "./der-time.ts";
import { type Extension, readExtensions } from "./extensions.ts";
import { type IssuingDistributionPoint, readIssuingDistributionPoint } from "./issuing-distribution-point.ts";
import { type Name, readName } from "./name.ts";
import { oid } from "./object-identifiers.ts";
import { malformed, PkiError } from "./pki-error.ts";
import type { PublicKey } from "./public-key.ts";
import { readAlgorithm, type SignatureAlgorithm, verifySignature } from "./signature-algorithms.ts";

/** 256 MB: five times a CRL of 1,000,000 entries with 20-octet serial numbers and reasons. */
const maximumCrlSize = 256 * 1024 * 1024;
/** How many keys' outcomes a CRL remembers; a CRL has one signer, a rollover makes it two. */
const maximumRememberedKeys = 16;

/** A CRL that was read, not verified. Immutable but for the memory of which key signed it and whether it was of use. */
export class Crl {
  readonly der: Uint8Array;
  /** TBSCertList: what the signature covers. */
  readonly toBeSigned: Uint8Array;
  readonly issuer: Name;
  /** Epoch ms. */
  readonly thisUpdate: number;
  /** Epoch ms. Absent: the CRL does not say when it ends. */
  readonly nextUpdate: number | undefined;
  readonly crlNumber: bigint | undefined;
  /** Present: this is a delta CRL, and that is the number of the complete CRL that it starts from (RFC 5280 5.2.4). */
  readonly baseCrlNumber: bigint | undefined;
  readonly authorityKeyIdentifier: Uint8Array | undefined;
  readonly scope: IssuingDistributionPoint | undefined;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly #signature: Uint8Array;
  readonly #entries: CrlEntries | undefined;
  readonly #signedBy = new Map<string, { readonly key: PublicKey; readonly valid: boolean }>();
  #wasAsked = false;

  /** @throws PkiError; see `parseCrl` and `reviveCrl`. */
  constructor(der: Uint8Array, made?: CrlEntryIndex) {
    if (der.length > maximumCrlSize) throw new PkiError("too-large", "CRL: over 256 MB");
    this.der = der;
    const file = new DerReader(der, "CRL");
    const list = file.sequence();
    file.finish();
    const tbsStart = list.position;
    const tbs = list.sequence("tbsCertList");
    this.toBeSigned = der.subarray(tbsStart, list.position);
    const outerAlgorithm = list.raw(tag.sequence);
    this.#signature = list.octetBitString();
    list.finish();

    // v1 is said by leaving the version out; the only version that may be written down is v2 (1).
    const version = tbs.sees(tag.integer) ? "v2" : "v1";
    if (version === "v2" && tbs.smallInteger() !== 1) throw malformed("CRL", "a version other than v2");
    const innerAlgorithm = tbs.raw(tag.sequence);
    if (Buffer.compare(innerAlgorithm, outerAlgorithm) !== 0)
      throw malformed("CRL", "the two signature algorithms differ");
    this.signatureAlgorithm = readAlgorithm(innerAlgorithm);
    this.issuer = readName(tbs, "CRL issuer");
    this.thisUpdate = readTime(tbs, "thisUpdate");
    this.nextUpdate =
      tbs.sees(tag.utcTime) || tbs.sees(tag.generalizedTime) ? readTime(tbs, "nextUpdate") : undefined;
    const entries = tbs.sees(tag.sequence) ? tbs.sequence("revokedCertificates") : undefined;
    const known = version === "v2" ? readCrlExtensions(tbs) : {};
    tbs.finish();
    this.crlNumber = known.crlNumber;
    this.baseCrlNumber = known.baseCrlNumber;
    this.authorityKeyIdentifier = known.authorityKeyIdentifier;
    this.scope = known.scope;
    // RFC 5280 5.1.2.6: an empty list must be absent.
    if (entries?.atEnd === true) throw malformed("CRL", "an empty revokedCertificates");
    const form = version === "v1" ? "v1" : this.scope?.indirect === true ? "indirect" : "direct";
    this.#entries = entries && new CrlEntries(entries, this.issuer, form, made);
  }

  get entryCount(): number {
    return this.#entries?.index.count ?? 0;
  }

  /** The index over the entries, for `reviveCrl`. Absent where there is no entry. */
  get entryIndex(): CrlEntryIndex | undefined {
    return this.#entries?.index;
  }

  /** Whether any decision has looked something up in it. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** What this CRL says about a certificate, whatever its scope: judge scope, time and signature before. */
  lookup(certificate: Pick<Certificate, "issuer" | "serial">): CrlEntry | undefined {
    this.#wasAsked = true;
    return this.#entries?.find(certificate.issuer, certificate.serial);
  }

  /** The outcome of an earlier `isSignedBy`, which costs nothing to repeat. */
  knownSignatureBy(key: PublicKey): boolean | undefined {
    return this.#signedBy.get(key.id)?.valid;
  }

  /** The keys of which it is known that they signed this CRL. */
  get knownSigners(): readonly PublicKey[] {
    return [...this.#signedBy.values()].filter(({ valid }) => valid).map(({ key }) => key);
  }

  /** Whether `key` signed this CRL. Computed once a key: hashing a million entries takes 25 ms. */
  isSignedBy(key: PublicKey): boolean {
    const known = this.knownSignatureBy(key);
    if (known !== undefined) return known;
    const valid = verifySignature(this.toBeSigned, this.signatureAlgorithm, this.#signature, key);
    this.noteSignature(key, valid);
    return valid;
  }

  /** Takes over what `isSignedBy` returned for the same bytes and key in another thread: it is believed. */
  noteSignature(key: PublicKey, valid: boolean): void {
    if (this.#signedBy.size >= maximumRememberedKeys) this.#signedBy.clear();
    this.#signedBy.set(key.id, { key, valid });
  }
}

/**
 * Reads one DER CRL (RFC 5280 5.1) and indexes its entries. Its signature is not checked. The CRL is a view of `der`,
 * which must not be changed from then on.
 * @throws PkiError where it is not strict DER, exceeds 256 MB, or has a critical extension that is not understood
 */
export const parseCrl = (der: Uint8Array): Crl => new Crl(der);

/**
 * A CRL that another thread of this process has parsed, in constant time: no entry is looked at. The index is believed,
 * so it must come from `entryIndex` of `parseCrl` over the same bytes and from nowhere else.
 */
export const reviveCrl = (der: Uint8Array, index: CrlEntryIndex | undefined): Crl => new Crl(der, index);

interface CrlExtensions {
  crlNumber?: bigint;
  baseCrlNumber?: bigint;
  authorityKeyIdentifier?: Uint8Array;
  scope?: IssuingDistributionPoint;
}

const decoders: Readonly<Record<string, (value: DerReader, into: CrlExtensions) => void>> = {
  [oid.cRLNumber](value, into) {
    into.crlNumber = readCrlNumber(value);
  },
  [oid.deltaCRLIndicator](value, into) {
    into.baseCrlNumber = readCrlNumber(value);
  },
  [oid.authorityKeyIdentifier](value, into) {
    into.authorityKeyIdentifier = value.content(tag.sequence);
  },
  [oid.issuingDistributionPoint](value, into) {
    into.scope = readIssuingDistributionPoint(value);
  },
};

function readCrlExtensions(tbs: DerReader): CrlExtensions {
  const into: CrlExtensions = {};
  if (!tbs.sees(contextConstructed(0))) return into;
  const explicit = tbs.enter(contextConstructed(0));
  const extensions: readonly Extension[] = readExtensions(explicit, "crlExtensions");
  explicit.finish();
  for (const { oid: id, critical, value } of extensions) {
    const decode = decoders[id];
    if (decode !== undefined) {
      const reader = new DerReader(value, `CRL extension ${id}`);
      decode(reader, into);
      reader.finish();
    }
    // RFC 5280 5.2: such a CRL must not be used to determine the status of certificates.
    else if (critical)
      throw new PkiError("unsupported", `CRL: critical extension ${id} is not understood here`);
  }
  return into;
}

function readCrlNumber(value: DerReader): bigint {
  const content = value.integer();
  // RFC 5280 5.2.3: at most 20 octets, never negative.
  if (content.length > 21 || (content[0] as number) >= 0x80)
    throw malformed("CRL number", "negative or too long");
  return BigInt(`0x${Buffer.from(content).toString("hex")}`);
}
