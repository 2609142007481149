import type { Certificate } from "./certificate.ts";
import { isSameScope, readCrl } from "./crl-answer.ts";
import type { Crl } from "./crl.ts";
import type { CrlEntry } from "./crl-entries.ts";
import { crlIssuersOf, distributionPointsOf, reasonsCovered } from "./crl-scope.ts";
import { formatInstant } from "./der-time.ts";
import { allReasons } from "./distribution-point.ts";
import { shownName, subjectOf } from "./path-failure.ts";
import type { RevocationContext } from "./revocation-context.ts";
import type { RevocationStatus } from "./revocation.ts";

/** How long the second source's word is kept where the first one did not know. */
const standInMs = 5 * 60_000;

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
  if (next.status === "unknown")
    return { status: "unknown", problems: [...answer.problems, ...next.problems] };
  // The second one stands in for the first, which is to be asked again soon: it may know more.
  return next.status === "revoked"
    ? next
    : { ...next, validUntil: Math.min(next.validUntil, context.at + standInMs) };
}

/**
 * RFC 5280 6.3.3: distribution point by distribution point, until every revocation reason is covered. Other than there,
 * every CRL that applies is read even then: one that knows of a revocation counts, whatever the others do not know.
 */
function checkCrls(
  certificate: Certificate,
  issuer: Certificate,
  context: RevocationContext,
): RevocationStatus {
  const { crls } = context.policy;
  const problems = new Set<string>();
  const heard: Crl[] = [];
  let covered = 0;
  let validUntil = Number.POSITIVE_INFINITY;
  let late: Crl | undefined;
  let told: Crl | undefined;
  for (const point of distributionPointsOf(certificate))
    for (const crlIssuer of crlIssuersOf(point, certificate))
      for (const crl of crls.complete(crlIssuer)) {
        const reasons = reasonsCovered(crl, point, certificate);
        const answer =
          typeof reasons === "string"
            ? reasons
            : // The index gives the newest first. What it replaces has nothing to say any more.
              heard.some((newer) => newer !== crl && isSameScope(newer, crl))
              ? "has a newer one"
              : readCrl(crl, certificate, issuer, context);
        if (typeof answer === "string") {
          problems.add(`the CRL of ${shownName(crl.issuer)} ${answer}`);
          continue;
        }
        heard.push(crl);
        if (answer.kind === "revoked") return revoked(certificate, answer.entry);
        if (answer.kind === "late") {
          problems.add(`the CRL of ${shownName(crl.issuer)} ${answer.problem}`);
          continue;
        }
        // (e): a CRL that adds no reason adds nothing to what is known to be good.
        if (typeof reasons === "string" || (reasons & ~covered) === 0) continue;
        covered |= reasons;
        told = crl;
        if (answer.stale) late = crl;
        validUntil = Math.min(validUntil, answer.end);
      }
  if (covered === allReasons && told !== undefined)
    return {
      status: late === undefined ? "good" : "stale",
      detail: `not revoked by the CRL of ${shownName((late ?? told).issuer)}${late === undefined ? "" : ", which is out of date"}`,
      validUntil,
    };
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
