import { type CrlReason, crlReasons } from "./crl-entries.ts";
import { contextConstructed, contextTag, DerReader, tag } from "./der-reader.ts";
import { timeOf } from "./der-time.ts";
import { type Extension, readExtensions } from "./extensions.ts";
import { type Name, readName } from "./name.ts";
import type { CertId } from "./ocsp-cert-id.ts";
import { oid } from "./object-identifiers.ts";
import { malformed, PkiError } from "./pki-error.ts";
import { readAlgorithm, type SignatureAlgorithm } from "./signature-algorithms.ts";

/** One answer with a responder's certificate takes 2 kB, with ML-DSA-87 keys and signatures some 20 kB. */
export const maximumOcspResponseSize = 64 * 1024;
/** One is asked for; responders that answer in advance put a handful together. */
const maximumAnswers = 64;
/** The responder's own certificate, and what some send above it. */
const maximumCertificates = 8;

/** OCSPResponseStatus (RFC 6960 4.2.1) by its number; 4 is unused. */
const responseStatuses = [
  "successful",
  "malformedRequest",
  "internalError",
  "tryLater",
  undefined,
  "sigRequired",
  "unauthorized",
] as const;
/** A responder's word that it has no answer. */
export type OcspFailureStatus = Exclude<(typeof responseStatuses)[number], "successful" | undefined>;

/** Who signed: by subject, or by the SHA-1 of the key bits (RFC 6960 4.2.1). */
export type ResponderId =
  | { readonly by: "name"; readonly name: Name }
  | { readonly by: "key"; readonly keyHash: Uint8Array };

export type CertStatus =
  | { readonly kind: "good" | "unknown" }
  | { readonly kind: "revoked"; readonly revokedAt: number; readonly reason: CrlReason };

/** SingleResponse: what is said about one certificate. Times are epoch ms. */
export interface SingleResponse {
  readonly id: CertId;
  readonly status: CertStatus;
  readonly thisUpdate: number;
  readonly nextUpdate?: number;
}

/** A BasicOCSPResponse that was read, not verified. */
export interface BasicOcspResponse {
  /** ResponseData: what the signature covers. */
  readonly toBeSigned: Uint8Array;
  readonly responderId: ResponderId;
  readonly producedAt: number;
  readonly responses: readonly SingleResponse[];
  /** The value of the nonce extension as it stands. */
  readonly nonce?: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  /** DER, not looked into: foreign. */
  readonly certificates: readonly Uint8Array[];
}

export type OcspResponse =
  | { readonly status: "successful"; readonly basic: BasicOcspResponse }
  | { readonly status: OcspFailureStatus };

/**
 * Reads one DER OCSPResponse (RFC 6960 4.2.1). Nothing about it is verified.
 * @throws PkiError where it is not strict DER, exceeds 64 kB, is of another type than basic, holds too many answers or
 *   certificates, or has a critical extension that is not understood
 */
export function parseOcspResponse(der: Uint8Array): OcspResponse {
  if (der.length > maximumOcspResponseSize) throw new PkiError("too-large", "OCSP response: over 64 kB");
  const file = new DerReader(der, "OCSP response");
  const response = file.sequence();
  file.finish();
  const status = responseStatuses[response.smallInteger(tag.enumerated)];
  if (status === undefined) throw malformed("OCSP response", "no such status");
  if (status !== "successful") {
    if (!response.atEnd) throw malformed("OCSP response", "an answer beside an error");
    return { status };
  }
  const explicit = response.enter(contextConstructed(0));
  response.finish();
  const bytes = explicit.sequence();
  explicit.finish();
  if (bytes.oid() !== oid.ocspBasic)
    throw new PkiError("unsupported", "OCSP response: of another type than basic");
  const content = bytes.content(tag.octetString);
  bytes.finish();
  return { status, basic: readBasic(content) };
}

function readBasic(der: Uint8Array): BasicOcspResponse {
  const file = new DerReader(der, "BasicOCSPResponse");
  const basic = file.sequence();
  file.finish();
  const toBeSigned = basic.raw(tag.sequence);
  const signatureAlgorithm = readAlgorithm(basic.raw(tag.sequence));
  const signature = basic.octetBitString();
  const certificates = basic.sees(contextConstructed(0))
    ? readCertificates(basic.enter(contextConstructed(0)))
    : [];
  basic.finish();

  const data = new DerReader(toBeSigned, "ResponseData").sequence();
  // v1 is the default, which DER forbids to encode, and there is no other.
  if (data.sees(contextConstructed(0))) throw malformed("ResponseData", "a version other than v1");
  const responderId = readResponderId(data);
  const producedAt = readGeneralizedTime(data, "producedAt");
  const list = data.sequence("responses");
  const responses: SingleResponse[] = [];
  while (!list.atEnd) {
    if (responses.length === maximumAnswers)
      throw new PkiError("too-large", `OCSP response: over ${maximumAnswers} answers`);
    responses.push(readSingleResponse(list.sequence("SingleResponse")));
  }
  if (responses.length === 0) throw malformed("ResponseData", "no answer");
  const nonce = readExplicitExtensions(data, [oid.ocspNonce, oid.ocspExtendedRevoke]).find(
    (extension) => extension.oid === oid.ocspNonce,
  );
  data.finish();
  return {
    toBeSigned,
    responderId,
    producedAt,
    responses,
    ...(nonce === undefined ? {} : { nonce: nonce.value }),
    signatureAlgorithm,
    signature,
    certificates,
  };
}

function readResponderId(data: DerReader): ResponderId {
  const byName = data.sees(contextConstructed(1));
  const explicit = data.enter(contextConstructed(byName ? 1 : 2), "responderID");
  const id: ResponderId = byName
    ? { by: "name", name: readName(explicit, "responderID") }
    : { by: "key", keyHash: explicit.content(tag.octetString) };
  explicit.finish();
  return id;
}

function readSingleResponse(single: DerReader): SingleResponse {
  const certId = single.sequence("certID");
  const algorithm = certId.sequence();
  const hashAlgorithm = algorithm.oid();
  if (!algorithm.atEnd) algorithm.null();
  algorithm.finish();
  const id: CertId = {
    hashAlgorithm,
    issuerNameHash: certId.content(tag.octetString),
    issuerKeyHash: certId.content(tag.octetString),
    serial: certId.integer(),
  };
  certId.finish();
  const status = readStatus(single);
  const thisUpdate = readGeneralizedTime(single, "thisUpdate");
  let nextUpdate: { nextUpdate?: number } = {};
  if (single.sees(contextConstructed(0))) {
    const explicit = single.enter(contextConstructed(0), "nextUpdate");
    nextUpdate = { nextUpdate: readGeneralizedTime(explicit, "nextUpdate") };
    explicit.finish();
  }
  readExplicitExtensions(single, []);
  single.finish();
  return { id, status, thisUpdate, ...nextUpdate };
}

function readStatus(single: DerReader): CertStatus {
  for (const [n, kind] of [
    [0, "good"],
    [2, "unknown"],
  ] as const) {
    if (!single.sees(contextTag(n))) continue;
    if (single.content(contextTag(n)).length !== 0) throw malformed("certStatus", "NULL with content");
    return { kind };
  }
  const info = single.enter(contextConstructed(1), "certStatus");
  const revokedAt = readGeneralizedTime(info, "revocationTime");
  let reason: CrlReason | undefined = "unspecified";
  if (info.sees(contextConstructed(0))) {
    const explicit = info.enter(contextConstructed(0), "revocationReason");
    reason = crlReasons[explicit.smallInteger(tag.enumerated)];
    explicit.finish();
  }
  info.finish();
  if (reason === undefined) throw malformed("revocationReason", "no such reason");
  return { kind: "revoked", revokedAt, reason };
}

/** `[1] EXPLICIT Extensions OPTIONAL`, as responses and single responses end. */
function readExplicitExtensions(reader: DerReader, understood: readonly string[]): readonly Extension[] {
  if (!reader.sees(contextConstructed(1))) return [];
  const explicit = reader.enter(contextConstructed(1), "OCSP extensions");
  const extensions = readExtensions(explicit, "OCSP extensions");
  explicit.finish();
  for (const { oid: id, critical } of extensions)
    if (critical && !understood.includes(id))
      throw new PkiError("unsupported", `OCSP response: critical extension ${id} is not understood here`);
  return extensions;
}

function readCertificates(explicit: DerReader): readonly Uint8Array[] {
  const sequence = explicit.sequence("certs");
  explicit.finish();
  const certificates: Uint8Array[] = [];
  while (!sequence.atEnd) {
    if (certificates.length === maximumCertificates)
      throw new PkiError("too-large", `OCSP response: over ${maximumCertificates} certificates`);
    certificates.push(sequence.raw(tag.sequence));
  }
  return certificates;
}

/** RFC 6960 4.2.2.1: in the form of RFC 5280 4.1.2.5.2, to the second. UTCTime never stands here. */
function readGeneralizedTime(reader: DerReader, what: string): number {
  const time = timeOf(reader.content(tag.generalizedTime), true);
  if (time === undefined) throw malformed(what, "not a time in the form that RFC 6960 4.2.2.1 demands");
  return time;
}
