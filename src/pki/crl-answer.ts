import type { Certificate } from "./certificate.ts";
import { keyWeakness } from "./certificate-checks.ts";
import type { Crl } from "./crl.ts";
import type { CrlEntry } from "./crl-entries.ts";
import { formatInstant } from "./der-time.ts";
import type { CrlSigner, RevocationContext } from "./revocation-context.ts";

/**
 * What a rightly signed CRL says. A revocation that it knows holds although its time is over: being out of date only
 * takes away the power to say that a certificate is good.
 */
export type CrlAnswer =
  | { readonly kind: "revoked"; readonly entry: CrlEntry }
  /** `end`: epoch ms at which the answer ends. */
  | { readonly kind: "good"; readonly end: number; readonly stale: boolean }
  /** Signed as it must be, but out of date: `problem` is a sentence. */
  | { readonly kind: "late"; readonly problem: string };

/**
 * What a complete CRL says about a certificate, together with the newest delta CRL that continues it. A current delta
 * CRL also keeps a complete CRL usable whose own time is over (6.3.3 (a)(1)).
 * @returns a sentence where it may not be used at all
 */
export function readCrl(
  complete: Crl,
  certificate: Certificate,
  issuer: Certificate,
  context: RevocationContext,
): CrlAnswer | string {
  if (complete.thisUpdate > context.at) return `is not valid before ${formatInstant(complete.thisUpdate)}`;
  const signer = findSigner(complete, certificate, issuer, context);
  if (signer === undefined) return "is not signed by a key that may sign it";
  const deltas = deltasOf(complete, context).filter(
    (delta) => delta.thisUpdate <= context.at && isSignedBy(delta, signer.certificate, context),
  );
  // The newest tells of every change since its base, so an older one has nothing to add.
  const entry = entryFor(certificate, complete, deltas[0]);
  if (entry !== undefined) return { kind: "revoked", entry };
  let problem = "";
  for (const delta of [...deltas, undefined]) {
    const currency = currencyOf(complete, delta, context);
    if (typeof currency !== "string")
      return { kind: "good", end: Math.min(currency.end, signer.validUntil), stale: currency.stale };
    problem = currency;
  }
  return { kind: "late", problem };
}

/** Whether two complete CRLs follow one another: same issuer, same key, same coverage. Then the newer one counts. */
export const isSameScope = (a: Crl, b: Crl): boolean =>
  a.issuer.equals(b.issuer) &&
  sameOctets(a.scope?.der, b.scope?.der) &&
  sameOctets(a.authorityKeyIdentifier, b.authorityKeyIdentifier);

/** (i) to (k): the delta CRL's word counts first; only it can take an entry back. */
function entryFor(certificate: Certificate, complete: Crl, delta: Crl | undefined): CrlEntry | undefined {
  const change = delta?.lookup(certificate);
  if (change?.reason === "removeFromCRL") return undefined;
  return change ?? complete.lookup(certificate);
}

/** When the word of a complete CRL ends, continued by a delta CRL or alone; or a sentence why it may not be used now. */
function currencyOf(
  complete: Crl,
  delta: Crl | undefined,
  { policy, at }: RevocationContext,
): { readonly end: number; readonly stale: boolean } | string {
  const newest = delta ?? complete;
  if (newest.nextUpdate === undefined && policy.crlWithoutNextUpdate !== "accept")
    return "does not say when it ends (nextUpdate)";
  const tooOld = newest.thisUpdate + (policy.maxCrlAgeMs ?? Number.POSITIVE_INFINITY);
  // Written so that a limit that is no number refuses.
  if (!(at <= tooOld)) return `is from ${formatInstant(newest.thisUpdate)}, which is too old`;
  const nextUpdate = newest.nextUpdate ?? Number.POSITIVE_INFINITY;
  const end = nextUpdate + (policy.mode === "soft" ? policy.graceMs : 0);
  if (!(at <= end)) return `ended at ${formatInstant(nextUpdate)}`;
  const stale = at > nextUpdate;
  // A kept verdict is made again when the grace begins, so that the use of an old CRL is told.
  return { end: Math.min(tooOld, stale ? end : nextUpdate), stale };
}

/** (c): the delta CRLs that continue this complete CRL (same issuer, same scope, numbers that join), newest first. */
function deltasOf(complete: Crl, { policy }: RevocationContext): readonly Crl[] {
  const number = complete.crlNumber;
  if (number === undefined) return [];
  return policy.crls
    .deltas(complete.issuer)
    .filter(
      (delta) =>
        delta.baseCrlNumber !== undefined &&
        delta.baseCrlNumber <= number &&
        delta.crlNumber !== undefined &&
        delta.crlNumber > number &&
        sameOctets(delta.scope?.der, complete.scope?.der) &&
        sameOctets(delta.authorityKeyIdentifier, complete.authorityKeyIdentifier),
    );
}

const sameOctets = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;

/** (f) and (g): who signed this CRL, with the right to. The path's own issuer is asked first and nearly always it is. */
function findSigner(
  crl: Crl,
  certificate: Certificate,
  issuer: Certificate,
  context: RevocationContext,
): CrlSigner | undefined {
  if (crl.issuer.equals(issuer.subject) && isSignedBy(crl, issuer, context))
    return { certificate: issuer, validUntil: Number.POSITIVE_INFINITY };
  for (const signer of context.signersNamed(crl.issuer))
    if (
      signer.certificate !== issuer &&
      isSignedBy(crl, signer.certificate, context) &&
      speaksFor(signer.certificate, crl, certificate, issuer, context)
    )
      return signer;
  return undefined;
}

/**
 * Whether a key other than the issuer's own may speak for what the issuer's key signed. A CA that was renewed with a
 * new key has one name and two lists, one a key, and the list of one says nothing about the certificates of the other.
 * So it must be a key for CRLs only, a CRL issuer of another name (indirect CRLs have rules of their own), or one that
 * the CA itself ties to its other key by a certificate (RFC 4210 4.4: old with new, new with old).
 */
function speaksFor(
  signer: Certificate,
  crl: Crl,
  certificate: Certificate,
  issuer: Certificate,
  { budget }: RevocationContext,
): boolean {
  if (!signer.isCa || !crl.issuer.equals(certificate.issuer)) return true;
  if (Buffer.compare(signer.subjectPublicKeyInfo, issuer.subjectPublicKeyInfo) === 0) return true;
  const tied = (one: Certificate, other: Certificate) =>
    one.issuer.equals(other.subject) && budget.spend("signatureChecks") && one.isSignedBy(other);
  return tied(issuer, signer) || tied(signer, issuer);
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
