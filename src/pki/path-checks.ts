import type { TraceStep } from "../model/verdict.ts";
import type { Budget } from "./budget.ts";
import type { Certificate } from "./certificate.ts";
import { checkPolicies } from "./certificate-policies.ts";
import type { Role } from "./extension-rules.ts";
import { checkNameConstraints } from "./name-constraints.ts";
import { type MissingRevocation, passStep, type PathFailure, subjectOf } from "./path-failure.ts";
import type { PathRules } from "./path-rules.ts";
import type { RevocationPolicy, RevocationStatus } from "./revocation.ts";
import type { RevocationNote } from "./verified-path.ts";

/** What the checks of a path take from the decision that they are part of. */
export interface PathContext {
  /** Epoch ms. */
  readonly at: number;
  readonly rules: PathRules;
  readonly budget: Budget;
  readonly revocation: RevocationPolicy["mode"];
  /** `checkCertificate`, remembered: the same CA stands in many candidate paths. */
  readonly ownFailure: (certificate: Certificate, role: Role) => PathFailure | undefined;
  readonly statusOf: (certificate: Certificate, issuer: Certificate, anchor: Certificate) => RevocationStatus;
}

export interface CheckedPath {
  /** Every check that passed, up to the failure. */
  readonly steps: readonly TraceStep[];
  readonly failure?: PathFailure;
  /** Epoch ms: the earliest end of anything that the result rests on. */
  readonly validUntil: number;
  readonly notes: readonly RevocationNote[];
}

/**
 * RFC 5280 section 6 over one path whose signatures are good. The leaf's own faults come first, since they are what
 * its holder can mend; revocation comes last, since it is the dearest.
 *
 * @param path leaf first, anchor last
 */
export function checkPath(
  path: readonly Certificate[],
  leafRole: "leaf" | "crl-signer",
  context: PathContext,
): CheckedPath {
  const steps: TraceStep[] = [];
  // notAfter is inclusive to the second.
  let validUntil = Math.min(...path.map((certificate) => certificate.notAfter)) + 999;
  const notes: RevocationNote[] = [];
  const failed = (failure: PathFailure): CheckedPath => ({ steps, failure, validUntil, notes });

  for (const [index, certificate] of [path[0] as Certificate, ...path.slice(1).toReversed()].entries()) {
    const role = index === 0 ? leafRole : index === 1 ? "anchor" : "intermediate";
    const failure = context.ownFailure(certificate, role);
    if (failure !== undefined) return failed(failure);
    steps.push(
      passStep(
        "certificate",
        certificate,
        `${role}: valid now, with acceptable key and extensions`,
        "RFC 5280 6.1.3(a), 6.1.4(k) to (o)",
      ),
    );
  }

  const fromAnchor = path.toReversed();
  const leaf = path[0] as Certificate;
  const failure = checkWholePath(fromAnchor, context);
  if (failure !== undefined) return failed(failure);
  steps.push(passStep("path", leaf, "path length, name constraints and policies hold", "RFC 5280 6.1"));

  const missing: { failure: PathFailure; data: MissingRevocation }[] = [];
  for (const [index, certificate] of path.slice(0, -1).entries()) {
    if (context.revocation === "off") {
      notes.push({
        certificate: subjectOf(certificate),
        status: "not-checked",
        detail: "revocation checks are off",
      });
      continue;
    }
    const status = context.statusOf(
      certificate,
      path[index + 1] as Certificate,
      fromAnchor[0] as Certificate,
    );
    if (status.status === "revoked")
      return failed(revocationFailure(certificate, "client_certificate_revoked", status.detail));
    if (status.status === "unknown") {
      const detail = `the revocation status of ${subjectOf(certificate)} is unknown: ${status.problems.join("; ")}`;
      missing.push({
        failure: revocationFailure(certificate, "revocation_unavailable", detail),
        data: missingData(certificate, path[index + 1] as Certificate),
      });
      continue;
    }
    notes.push({ certificate: subjectOf(certificate), status: status.status, detail: status.detail });
    steps.push(passStep("revocation", certificate, status.detail, "RFC 5280 6.3"));
    validUntil = Math.min(validUntil, status.validUntil);
  }
  // Only after all were asked: that a certificate is revoked says more than that another one's status is unknown.
  const [first] = missing;
  return first === undefined
    ? { steps, validUntil, notes }
    : failed({ ...first.failure, missing: missing.map(({ data }) => data) });
}

/** The rules that look at several certificates at once. */
function checkWholePath(fromAnchor: readonly Certificate[], context: PathContext): PathFailure | undefined {
  const tooDeep = exceedsPathLength(fromAnchor);
  if (tooDeep !== undefined)
    return pathFailure(
      tooDeep,
      "path-length",
      "more CA certificates follow it than its pathLenConstraint allows",
      "RFC 5280 6.1.4(l), (m)",
    );
  const names = checkNameConstraints(fromAnchor, context.budget);
  if (names !== undefined)
    return pathFailure(names.certificate, "name-constraints", names.detail, "RFC 5280 6.1.3(b), (c)");
  const policies = checkPolicies(fromAnchor, context.rules.policies);
  if (policies !== undefined)
    return pathFailure(
      policies.certificate,
      "certificate-policies",
      policies.detail,
      "RFC 5280 6.1.3(f), 6.1.5(g)",
    );
  return undefined;
}

const pathFailure = (certificate: Certificate, check: string, detail: string, rfc: string): PathFailure => ({
  code: "client_certificate_invalid",
  stage: "path",
  check,
  detail: `${subjectOf(certificate)}: ${detail}`,
  certificate,
  rfc,
});

/** The CA whose pathLenConstraint is exceeded. Self-issued certificates do not count, the leaf never does. */
function exceedsPathLength(fromAnchor: readonly Certificate[]): Certificate | undefined {
  let allowed = Number.POSITIVE_INFINITY;
  let limiting: Certificate | undefined;
  for (const [index, certificate] of fromAnchor.slice(0, -1).entries()) {
    if (index > 0 && !certificate.isSelfIssued) {
      if (allowed === 0) return limiting;
      allowed -= 1;
    }
    const own = certificate.known.basicConstraints?.pathLength ?? Number.POSITIVE_INFINITY;
    if (own < allowed) {
      allowed = own;
      limiting = certificate;
    }
  }
  return undefined;
}

const revocationFailure = (
  certificate: Certificate,
  code: "client_certificate_revoked" | "revocation_unavailable",
  detail: string,
): PathFailure => ({
  code,
  stage: "revocation",
  check: "revocation",
  detail,
  certificate,
  rfc: "RFC 5280 6.3.3",
});

const isWeb = (url: string): boolean => /^https?:\/\//i.test(url);

function missingData(certificate: Certificate, issuerCertificate: Certificate): MissingRevocation {
  const points = certificate.known.crlDistributionPoints ?? [];
  const names = points.flatMap(({ name }) => (name?.kind === "full" ? name.names : []));
  return {
    certificate,
    issuerCertificate,
    subject: certificate.subject.text,
    issuer: certificate.issuer.text,
    serial: certificate.serialHex,
    crlUrls: names.flatMap((name) => (name.kind === "uri" && isWeb(name.value) ? [name.value] : [])),
    ocspUrls: (certificate.known.ocspUrls ?? []).filter(isWeb),
  };
}
