import type { Certificate } from "./certificate.ts";
import { keyWeakness } from "./certificate-checks.ts";
import type { Crl } from "./crl.ts";
import type { CrlEntry } from "./crl-entries.ts";
import { formatInstant } from "./der-time.ts";
import type { CrlSigner, RevocationContext } from "./revocation-context.ts";

/** What a CRL answered, once it was found to be current and rightly signed. */
export interface CrlAnswer {
  readonly entry: CrlEntry | undefined;
  /** Epoch ms at which the answer ends. */
  readonly end: number;
  readonly stale: boolean;
}

/**
 * What a complete CRL says about a certificate, together with the newest delta CRL that continues it. A current delta
 * CRL also keeps a complete CRL usable whose own time is over (6.3.3 (a)(1)).
 * @returns a sentence where it may not be used
 */
export function readCrl(
  complete: Crl,
  certificate: Certificate,
  issuer: Certificate,
  context: RevocationContext,
): CrlAnswer | string {
  let problem = "";
  let signer: CrlSigner | undefined;
  for (const delta of [...deltasOf(complete, context), undefined]) {
    const currency = currencyOf(complete, delta, context);
    if (typeof currency === "string") {
      problem = currency;
      continue;
    }
    signer ??= findSigner(complete, issuer, context);
    if (signer === undefined) return "is not signed by a key that may sign it";
    if (delta !== undefined && !isSignedBy(delta, signer.certificate, context)) continue;
    return {
      entry: entryFor(certificate, complete, delta),
      end: Math.min(currency.end, signer.validUntil),
      stale: currency.stale,
    };
  }
  return problem;
}

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
): Omit<CrlAnswer, "entry"> | string {
  const newest = delta ?? complete;
  for (const { thisUpdate } of [complete, newest])
    if (thisUpdate > at) return `is not valid before ${formatInstant(thisUpdate)}`;
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
function findSigner(crl: Crl, issuer: Certificate, context: RevocationContext): CrlSigner | undefined {
  if (crl.issuer.equals(issuer.subject) && isSignedBy(crl, issuer, context))
    return { certificate: issuer, validUntil: Number.POSITIVE_INFINITY };
  for (const signer of context.signersNamed(crl.issuer))
    if (signer.certificate !== issuer && isSignedBy(crl, signer.certificate, context)) return signer;
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
