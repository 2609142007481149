import type { Budget } from "./budget.ts";
import type { Certificate } from "./certificate.ts";
import type { Crl } from "./crl.ts";
import type { CrlEntry } from "./crl-entries.ts";
import { crlIssuersOf, distributionPointsOf, reasonsCovered } from "./crl-scope.ts";
import { formatInstant } from "./der-time.ts";
import { allReasons } from "./distribution-point.ts";
import type { Name } from "./name.ts";
import { keyWeakness } from "./certificate-checks.ts";
import { subjectOf } from "./path-failure.ts";
import type { PathRules } from "./path-rules.ts";
import type { RevocationPolicy, RevocationStatus } from "./revocation.ts";

/** What a check of revocation takes from the decision that it is part of. */
export interface RevocationContext {
  readonly policy: RevocationPolicy;
  /** Epoch ms. */
  readonly at: number;
  readonly budget: Budget;
  readonly rules: PathRules;
  /**
   * Other certificates with this subject that may sign CRLs, each with a valid path to the same anchor (RFC 5280
   * 6.3.3 (f)): for CRL keys apart from the CA's and for indirect CRLs. Lazily, since each costs a path.
   */
  readonly signersNamed: (issuer: Name, anchor: Certificate) => Iterable<Certificate>;
}

/**
 * The status of one certificate, from CRLs and whatever other source the policy has.
 *
 * @param issuer the certificate's issuer in the path under validation: its signature was checked with this one's key
 * @param anchor where that path ends
 */
export function checkRevocation(
  certificate: Certificate,
  issuer: Certificate,
  anchor: Certificate,
  context: RevocationContext,
): RevocationStatus {
  const { other } = context.policy;
  const fromCrls = () => checkCrls(certificate, issuer, anchor, context);
  if (other === undefined) return fromCrls();
  const fromOther = () => other.source.statusOf(certificate, issuer, context.at);
  const [first, second] = other.order === "first" ? [fromOther, fromCrls] : [fromCrls, fromOther];
  const answer = first();
  if (answer.status !== "unknown") return answer;
  const next = second();
  return next.status === "unknown"
    ? { status: "unknown", problems: [...answer.problems, ...next.problems] }
    : next;
}

/** RFC 5280 6.3.3: distribution point by distribution point, until every revocation reason is covered. */
function checkCrls(
  certificate: Certificate,
  issuer: Certificate,
  anchor: Certificate,
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
        const currency = currencyOf(crl, context);
        if (typeof reasons === "string" || currency.end === undefined) {
          problems.add(
            `the CRL of ${crl.issuer.text} ${typeof reasons === "string" ? reasons : currency.detail}`,
          );
          continue;
        }
        // (e): a CRL that adds no reason adds nothing.
        if ((reasons & ~covered) === 0) continue;
        const signer = findSigner(crl, issuer, anchor, context);
        if (signer === undefined) {
          problems.add(`the CRL of ${crl.issuer.text} is not signed by a key that may sign it`);
          continue;
        }
        const delta = findDelta(crl, signer, context);
        const entry = entryFor(certificate, crl, delta?.crl);
        if (entry !== undefined) return revoked(certificate, entry);
        covered |= reasons;
        stale ||= currency.stale || delta?.stale === true;
        validUntil = Math.min(validUntil, currency.end, delta?.end ?? Number.POSITIVE_INFINITY);
        if (covered === allReasons)
          return stale
            ? {
                status: "stale",
                detail: `not revoked by a CRL of ${crl.issuer.text} that is out of date`,
                validUntil,
              }
            : { status: "good", detail: `not revoked by the CRL of ${crl.issuer.text}`, validUntil };
      }
  if (covered !== 0) problems.add("the CRLs at hand do not cover every reason of revocation");
  if (problems.size === 0) problems.add(`there is no CRL of ${certificate.issuer.text}`);
  return { status: "unknown", problems: [...problems] };
}

function revoked(certificate: Certificate, { revokedAt, reason }: CrlEntry): RevocationStatus {
  return {
    status: "revoked",
    detail: `${subjectOf(certificate)} was revoked at ${formatInstant(revokedAt)} (${reason})`,
  };
}

/** (i) to (k): the delta CRL's word counts first; only it can take an entry back. */
function entryFor(certificate: Certificate, complete: Crl, delta: Crl | undefined): CrlEntry | undefined {
  const change = delta?.lookup(certificate);
  if (change?.reason === "removeFromCRL") return undefined;
  return change ?? complete.lookup(certificate);
}

interface Currency {
  /** Epoch ms at which the CRL's word ends; undefined where it may not be used now. */
  readonly end: number | undefined;
  readonly stale: boolean;
  readonly detail: string;
}

const unusable = (detail: string): Currency => ({ end: undefined, stale: false, detail });

function currencyOf(crl: Crl, { policy, at }: RevocationContext): Currency {
  if (crl.thisUpdate > at) return unusable(`is not valid before ${formatInstant(crl.thisUpdate)}`);
  if (crl.nextUpdate === undefined && policy.crlWithoutNextUpdate !== "accept")
    return unusable("does not say when it ends (nextUpdate)");
  const oldest = crl.thisUpdate + (policy.maxCrlAgeMs ?? Number.POSITIVE_INFINITY);
  if (at > oldest) return unusable(`is from ${formatInstant(crl.thisUpdate)}, which is too old`);
  const nextUpdate = crl.nextUpdate ?? Number.POSITIVE_INFINITY;
  const grace = policy.mode === "soft" ? policy.graceMs : 0;
  if (at > nextUpdate + grace) return unusable(`ended at ${formatInstant(nextUpdate)}`);
  return { end: Math.min(oldest, nextUpdate + grace), stale: at > nextUpdate, detail: "is current" };
}

/** (c) and (h): the newest current delta CRL that continues this complete CRL: same scope, same signer. */
function findDelta(
  complete: Crl,
  signer: Certificate,
  context: RevocationContext,
): (Currency & { crl: Crl }) | undefined {
  const number = complete.crlNumber;
  if (number === undefined) return undefined;
  for (const crl of context.policy.crls.deltas(complete.issuer)) {
    const continues =
      (crl.baseCrlNumber as bigint) <= number &&
      crl.crlNumber !== undefined &&
      crl.crlNumber > number &&
      sameOctets(crl.scope?.der, complete.scope?.der) &&
      sameOctets(crl.authorityKeyIdentifier, complete.authorityKeyIdentifier);
    if (!continues) continue;
    const currency = currencyOf(crl, context);
    if (currency.end !== undefined && isSignedBy(crl, signer, context)) return { ...currency, crl };
  }
  return undefined;
}

const sameOctets = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;

/** (f) and (g): who signed this CRL, with the right to. The path's own issuer is asked first and nearly always it is. */
function findSigner(
  crl: Crl,
  issuer: Certificate,
  anchor: Certificate,
  context: RevocationContext,
): Certificate | undefined {
  if (crl.issuer.equals(issuer.subject) && isSignedBy(crl, issuer, context)) return issuer;
  for (const signer of context.signersNamed(crl.issuer, anchor))
    if (signer !== issuer && isSignedBy(crl, signer, context)) return signer;
  return undefined;
}

function isSignedBy(crl: Crl, signer: Certificate, { budget, rules }: RevocationContext): boolean {
  if (signer.known.keyUsage?.has("cRLSign") === false) return false;
  const { signatureAlgorithm } = crl;
  if (!signatureAlgorithm.supported || !rules.signatureAlgorithms.includes(signatureAlgorithm.scheme.name))
    return false;
  if (keyWeakness(signer.publicKey, rules) !== undefined) return false;
  const known = crl.knownSignatureBy(signer.publicKey);
  if (known !== undefined) return known;
  return budget.spend("signatureChecks") && crl.isSignedBy(signer.publicKey);
}
