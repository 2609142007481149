import type { Denied, TraceStep } from "../model/verdict.ts";
import type { Certificate } from "./certificate.ts";
import type { Name } from "./name.ts";

/** The reason codes that a path validation can end with. */
export type PathDenialCode = Extract<
  Denied["code"],
  `client_certificate_${string}` | "revocation_unavailable" | "trust_unavailable"
>;

/** Revocation data that a decision lacked: what to fetch before asking again. */
export interface MissingRevocation {
  /** Whose status is unknown. */
  readonly certificate: Certificate;
  /** Whose key signed it, in the path that was looked at. */
  readonly issuerCertificate: Certificate;
  /** Whose status is unknown, in RFC 4514 form. */
  readonly subject: string;
  readonly issuer: string;
  /** Lower-case hexadecimal. */
  readonly serial: string;
  /** CRL distribution points of the certificate, http(s) only, as it names them: foreign input, judge before fetching. */
  readonly crlUrls: readonly string[];
  /** OCSP responders of the certificate, http(s) only. */
  readonly ocspUrls: readonly string[];
}

/**
 * How far a path came. Of several failures the furthest is told: the nearer a path came to acceptance, the more its
 * failure is the one to mend.
 */
export const stages = ["leaf", "issuers", "path", "revocation"] as const;
export type Stage = (typeof stages)[number];

/** Why one path, or one certificate, does not do. */
export interface PathFailure {
  readonly code: PathDenialCode;
  readonly stage: Stage;
  /** The check's stable name, as in the trace. */
  readonly check: string;
  /** A sentence about `certificate`; it is sent to the caller. */
  readonly detail: string;
  readonly certificate: Certificate;
  readonly rfc: string;
  readonly missing?: readonly MissingRevocation[];
}

export const failureStep = (failure: PathFailure): TraceStep => ({
  check: failure.check,
  outcome: "fail",
  detail: failure.detail,
  certificate: subjectOf(failure.certificate),
  rfc: failure.rfc,
});

export const passStep = (
  check: string,
  certificate: Certificate,
  detail: string,
  rfc: string,
): TraceStep => ({
  check,
  outcome: "pass",
  detail,
  certificate: subjectOf(certificate),
  rfc,
});

/** A certificate's subject for a sentence; an empty subject is legal where a subjectAltName stands in. */
export const subjectOf = (certificate: Certificate): string =>
  certificate.subject.isEmpty
    ? `serial ${certificate.serialHex.slice(0, 64)}`
    : shownName(certificate.subject);

/** A name for a sentence. Foreign names may be a hundred kilobytes long; answers and log lines are not. */
export const shownName = ({ text }: Name): string => (text.length <= 256 ? text : `${text.slice(0, 255)}…`);
