import type { Certificate } from "./certificate.ts";
import { readCrl } from "./crl-answer.ts";
import type { CrlEntry } from "./crl-entries.ts";
import { crlIssuersOf, distributionPointsOf, reasonsCovered } from "./crl-scope.ts";
import { formatInstant } from "./der-time.ts";
import { allReasons } from "./distribution-point.ts";
import { shownName, subjectOf } from "./path-failure.ts";
import type { RevocationContext } from "./revocation-context.ts";
import type { RevocationStatus } from "./revocation.ts";

/**
 * The status of one certificate, from CRLs and whatever other source the policy has.
 *
 * @param issuer the certificate's issuer in the path under validation: its signature was checked with this one's key
 */
export function checkRevocation(
  certificate: Certificate,
  issuer: Certificate,
  context: RevocationContext,
): RevocationStatus {
  const { other } = context.policy;
  const fromCrls = () => checkCrls(certificate, issuer, context);
  if (other === undefined) return fromCrls();
  const fromOther = () => other.source.statusOf(certificate, issuer, context.at);
  const [first, second] = other.order === "first" ? [fromOther, fromCrls] : [fromCrls, fromOther];
  const answer = first();
  if (answer.status !== "unknown" || answer.worthFetching === true) return answer;
  const next = second();
  return next.status === "unknown"
    ? { status: "unknown", problems: [...answer.problems, ...next.problems] }
    : next;
}

/** RFC 5280 6.3.3: distribution point by distribution point, until every revocation reason is covered. */
function checkCrls(
  certificate: Certificate,
  issuer: Certificate,
  context: RevocationContext,
): RevocationStatus {
  const { crls } = context.policy;
  const problems = new Set<string>();
  let covered = 0;
  let validUntil = Number.POSITIVE_INFINITY;
  let stale = false;
  for (const point of distributionPointsOf(certificate))
    for (const crlIssuer of crlIssuersOf(point, certificate))
      for (const crl of crls.complete(crlIssuer)) {
        const reasons = reasonsCovered(crl, point, certificate);
        if (typeof reasons === "string") {
          problems.add(`the CRL of ${shownName(crl.issuer)} ${reasons}`);
          continue;
        }
        // (e): a CRL that adds no reason adds nothing.
        if ((reasons & ~covered) === 0) continue;
        const answer = readCrl(crl, certificate, issuer, context);
        if (typeof answer === "string") {
          problems.add(`the CRL of ${shownName(crl.issuer)} ${answer}`);
          continue;
        }
        if (answer.entry !== undefined) return revoked(certificate, answer.entry);
        covered |= reasons;
        stale ||= answer.stale;
        validUntil = Math.min(validUntil, answer.end);
        if (covered === allReasons)
          return {
            status: stale ? "stale" : "good",
            detail: `not revoked by the CRL of ${shownName(crl.issuer)}${stale ? ", which is out of date" : ""}`,
            validUntil,
          };
      }
  if (covered !== 0) problems.add("the CRLs at hand do not cover every reason of revocation");
  if (problems.size === 0) problems.add(`there is no CRL of ${shownName(certificate.issuer)}`);
  return { status: "unknown", problems: [...problems] };
}

function revoked(certificate: Certificate, { revokedAt, reason }: CrlEntry): RevocationStatus {
  return {
    status: "revoked",
    detail: `${subjectOf(certificate)} was revoked at ${formatInstant(revokedAt)} (${reason})`,
  };
}
