import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Certificate } from "../pki/certificate.ts";
import type { Crl } from "../pki/crl.ts";
import type { PublicKey } from "../pki/public-key.ts";
import type { CrlReader } from "./crl-reader.ts";
import type { HeldCrl, KeptCrl } from "./held-crl.ts";

export interface IntakeOptions {
  /** The source's name. */
  readonly source: string;
  /** Epoch ms. */
  readonly now: number;
  /** Every CA certificate that is known: a CRL in its name must carry its signature. */
  readonly issuers: readonly Certificate[];
  readonly logger: Logger;
  readonly reader: CrlReader;
}

/**
 * CRLs of one source. Each is held against the others, so thousands of tiny ones, which whoever is on the way of an
 * http URL could send, would hold up every request.
 */
const mostCrls = 500;

/** How far a CA's clock may be ahead of ours. */
const skewMs = 5 * 60_000;

/**
 * What a source gave, judged against what it gave before. One that is damaged, forged, from the future or older than
 * the one held is not taken, and loudly so: the last good one stays. The decision verifies every signature again, with
 * the issuer that it found; the check here only keeps a forgery from driving out the real one.
 * @throws GatewayError `revocation_unavailable` when nothing that came could be taken
 */
export async function readCrls(
  ders: readonly Uint8Array[],
  before: readonly KeptCrl[],
  options: IntakeOptions,
): Promise<readonly KeptCrl[]> {
  const { source, logger, issuers, reader } = options;
  if (ders.length > mostCrls)
    throw new GatewayError("revocation_unavailable", `${source}: ${ders.length} CRLs, more than ${mostCrls}`);
  // A CA that became known since then is asked about what is held, too.
  await verifyAhead(
    before.map(({ crl }) => crl),
    options,
  );
  const held = before.filter(({ crl }) => !isForged(crl, issuers));
  const next = new Map<string, KeptCrl>();
  const refusals: unknown[] = [];
  for (const der of ders) {
    const sha256 = held.find(({ crl }) => crl.der === der)?.held.sha256 ?? (await reader.fingerprint(der));
    try {
      const kept = held.find((one) => one.held.sha256 === sha256) ?? (await read(der, sha256, held, options));
      refuseUnfit(kept.crl, held, options);
      const scope = scopeOf(kept.crl);
      const rival = next.get(scope);
      if (rival === undefined || isOlder(rival.crl, kept.crl)) next.set(scope, kept);
    } catch (fault) {
      refusals.push(fault);
      logger.error({ source, sha256, reason: describeFault(fault) }, "a CRL is not taken");
    }
  }
  if (next.size === 0)
    throw new GatewayError("revocation_unavailable", `${source}: none of ${ders.length} CRLs can be taken`, {
      cause: refusals[0],
    });
  // A CRL that the source dropped is dropped; but what could not be read may have been any of those held.
  if (refusals.length > 0)
    for (const kept of held) if (!next.has(scopeOf(kept.crl))) next.set(scopeOf(kept.crl), kept);
  return [...next.values()];
}

/**
 * Checks signatures with the keys of CAs that became known after their CRLs, so that no decision has to do it while a
 * request waits.
 */
export async function verifyAhead(
  crls: readonly Crl[],
  { issuers, reader }: Pick<IntakeOptions, "issuers" | "reader">,
): Promise<void> {
  for (const crl of crls) await reader.verify(crl, keysFor(crl, issuers));
}

/**
 * When to look again: at the interval, but in time before the first nextUpdate; soon, when one is over already and
 * its CA is late.
 * @returns epoch ms
 */
export function nextLook(kept: readonly KeptCrl[], now: number, intervalMs: number): number {
  const left = Math.min(...kept.map(({ crl }) => (crl.nextUpdate ?? Number.POSITIVE_INFINITY) - now));
  return now + Math.min(intervalMs, left > 0 ? Math.max(left / 2, 10_000) : 30_000);
}

/**
 * Its signature is checked here with every key that may have made it, so that no decision has to do that while a
 * request waits: those of the known CAs, and those of its predecessor, whose CA may be known from clients only.
 */
async function read(
  der: Uint8Array,
  sha256: string,
  before: readonly KeptCrl[],
  { source, issuers, reader }: IntakeOptions,
): Promise<KeptCrl> {
  const crl = await reader.parse(der);
  const predecessors = before.filter((one) => scopeOf(one.crl) === scopeOf(crl));
  await reader.verify(crl, [
    ...keysFor(crl, issuers),
    ...predecessors.flatMap((one) => one.crl.knownSigners),
  ]);
  const held: HeldCrl = {
    source,
    issuer: crl.issuer.text,
    thisUpdate: crl.thisUpdate,
    ...(crl.nextUpdate === undefined ? {} : { nextUpdate: crl.nextUpdate }),
    entries: crl.entryCount,
    sha256,
  };
  return { crl, held };
}

function refuseUnfit(crl: Crl, held: readonly KeptCrl[], { now, issuers }: IntakeOptions): void {
  const name = crl.issuer.text;
  if (crl.thisUpdate > now + skewMs)
    throw new Error(`the CRL of ${name} is from the future: ${new Date(crl.thisUpdate).toISOString()}`);
  if (isForged(crl, issuers)) throw new Error(`the CRL of ${name} does not carry that CA's signature`);
  const scope = scopeOf(crl);
  const rival = held.find((one) => scopeOf(one.crl) === scope);
  if (rival !== undefined && isOlder(crl, rival.crl))
    throw new Error(
      `the CRL of ${name} of ${new Date(crl.thisUpdate).toISOString()} is older than the one held, of ${new Date(rival.crl.thisUpdate).toISOString()}`,
    );
}

/** CRLs of one scope follow one another (RFC 5280 5.2.3): same issuer and key, same coverage, both full or both delta. */
function scopeOf({ issuer, authorityKeyIdentifier, scope, baseCrlNumber }: Crl): string {
  return [
    issuer.key,
    hex(authorityKeyIdentifier),
    hex(scope?.der),
    baseCrlNumber === undefined ? "full" : "delta",
  ].join("|");
}

/**
 * By thisUpdate; the number only decides between two of one instant. A CA that was rebuilt counts from one again, and
 * its new CRLs must not be locked out by that.
 */
function isOlder(a: Crl, b: Crl): boolean {
  if (a.thisUpdate !== b.thisUpdate) return a.thisUpdate < b.thisUpdate;
  return a.crlNumber !== undefined && b.crlNumber !== undefined && a.crlNumber < b.crlNumber;
}

/** In the name and key of a CA that is known, but signed by none of its certificates' keys. */
function isForged(crl: Crl, issuers: readonly Certificate[]): boolean {
  const keys = keysFor(crl, issuers);
  return keys.length > 0 && !keys.some((key) => crl.isSignedBy(key));
}

/** The keys of the known CAs in whose name this CRL is. */
const keysFor = (crl: Crl, issuers: readonly Certificate[]): PublicKey[] =>
  issuers
    .filter(
      ({ subject, known }) =>
        subject.equals(crl.issuer) && mayBeKey(known.subjectKeyIdentifier, crl.authorityKeyIdentifier),
    )
    .map(({ publicKey }) => publicKey);

/** False only where both identifiers stand there and differ: then it is another key of the same name. */
function mayBeKey(subjectKey: Uint8Array | undefined, authorityKey: Uint8Array | undefined): boolean {
  if (subjectKey === undefined || authorityKey === undefined) return true;
  return Buffer.from(authorityKey).includes(subjectKey);
}

const hex = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? "" : Buffer.from(bytes).toString("hex");
