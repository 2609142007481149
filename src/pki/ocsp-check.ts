import type { Certificate } from "./certificate.ts";
import type { CrlReason } from "./crl-entries.ts";
import { formatInstant } from "./der-time.ts";
import { certIdOf, sameCertId } from "./ocsp-cert-id.ts";
import { nonceValue } from "./ocsp-request.ts";
import { findOcspSigner } from "./ocsp-responder.ts";
import { parseOcspResponse, type BasicOcspResponse, type SingleResponse } from "./ocsp-response.ts";
import type { PathRules } from "./path-rules.ts";
import { PkiError } from "./pki-error.ts";

/**
 * What to do about nonces (RFC 9654). `required`: the response must carry ours. `when-echoed`: a response without one is
 * taken, as responders that answer in advance give it, and then only its times protect against replay; a response with
 * another nonce than ours is refused in both.
 */
export type NoncePolicy = "required" | "when-echoed";

/** What was asked, and what an answer must satisfy. */
export interface OcspQuestion {
  readonly certificate: Certificate;
  /** Whose key signed the certificate. */
  readonly issuer: Certificate;
  /** The octets that were sent. */
  readonly nonce: Uint8Array;
  readonly noncePolicy: NoncePolicy;
  /** Epoch ms. */
  readonly at: number;
  /** Milliseconds since thisUpdate for which an answer without nextUpdate counts. */
  readonly maximumAgeMs: number;
  /** Its allow-lists of algorithms and keys hold for responders, too. */
  readonly rules: PathRules;
}

/** When an answer counts. Epoch ms. */
interface Currency {
  readonly thisUpdate: number;
  /** The responder's own end of it, at which the next one is there: nextUpdate, or the largest age. */
  readonly freshUntil: number;
  /** From then on it may not be used any more. */
  readonly validUntil: number;
}

/** What a responder says with the right to. */
export type OcspAnswer = Currency &
  (
    | { readonly status: "good" }
    /** `revokedAt`: epoch ms. */
    | { readonly status: "revoked"; readonly revokedAt: number; readonly reason: CrlReason }
    /** The responder does not know the certificate: no proof of anything (RFC 6960 2.2). */
    | { readonly status: "unknown" }
  );

/** How far a responder's clock may be off ours. */
export const ocspSkewMs = 5 * 60_000;

/**
 * Decides what a response says about a certificate (RFC 6960 3.2). Never throws on foreign bytes.
 * @returns a sentence where the response may not be used; it may be told to the caller
 */
export function checkOcspResponse(der: Uint8Array, question: OcspQuestion): OcspAnswer | string {
  let basic: BasicOcspResponse;
  try {
    const response = parseOcspResponse(der);
    if (response.status !== "successful") return `the responder has no answer (${response.status})`;
    ({ basic } = response);
  } catch (error) {
    if (error instanceof PkiError) return `the response is unreadable: ${error.message}`;
    throw error;
  }
  const wrongNonce = nonceProblem(basic, question);
  if (wrongNonce !== undefined) return wrongNonce;
  const single = singleFor(basic, question);
  if (typeof single === "string") return single;
  const currency = currencyOf(single, question);
  if (typeof currency === "string") return currency;
  const signer = findOcspSigner(basic, question);
  if (typeof signer === "string") return `the response may not be trusted: ${signer}`;

  const { status } = single;
  const counts = { ...currency, validUntil: Math.min(currency.validUntil, signer.validUntil) };
  return status.kind === "revoked"
    ? { status: "revoked", revokedAt: status.revokedAt, reason: status.reason, ...counts }
    : { status: status.kind, ...counts };
}

function nonceProblem({ nonce }: BasicOcspResponse, question: OcspQuestion): string | undefined {
  if (nonce === undefined)
    return question.noncePolicy === "required"
      ? "the response carries no nonce, which is required here"
      : undefined;
  return Buffer.compare(nonce, nonceValue(question.nonce)) === 0
    ? undefined
    : "the response carries another nonce than the request: it answers something else";
}

/** The one answer about this certificate. A CertID may be made with either hash, whichever was asked with. */
function singleFor(
  { responses }: BasicOcspResponse,
  { certificate, issuer }: OcspQuestion,
): SingleResponse | string {
  const ids = [certIdOf(certificate, issuer, "sha1"), certIdOf(certificate, issuer, "sha256")];
  const [single, another] = responses.filter((one) => ids.some((id) => sameCertId(one.id, id)));
  if (single === undefined) return "the response is about other certificates";
  return another === undefined ? single : "the response says two things about the certificate";
}

/** When an answer counts; or a sentence why it does not now (RFC 6960 3.2 (5), (6)). */
function currencyOf(
  { thisUpdate, nextUpdate }: SingleResponse,
  { at, maximumAgeMs }: OcspQuestion,
): Currency | string {
  // Each comparison is written so that a limit that is no number refuses.
  if (!(thisUpdate <= at + ocspSkewMs))
    return `the response is not valid before ${formatInstant(thisUpdate)}`;
  if (nextUpdate !== undefined && nextUpdate < thisUpdate) return "the response ends before it begins";
  const validUntil =
    nextUpdate === undefined ? Math.min(thisUpdate, at) + maximumAgeMs : nextUpdate + ocspSkewMs;
  if (at < validUntil) return { thisUpdate, freshUntil: nextUpdate ?? validUntil, validUntil };
  return nextUpdate === undefined
    ? `the response is from ${formatInstant(thisUpdate)}, which is too old`
    : `the response ended at ${formatInstant(nextUpdate)}`;
}
