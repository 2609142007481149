import type { Certificate } from "./certificate.ts";
import type { Crl } from "./crl.ts";
import type { Name } from "./name.ts";

/** CRLs by issuer, the newest first, complete and delta CRLs apart. Immutable. */
export interface CrlIndex {
  readonly crls: readonly Crl[];
  complete(issuer: Name): readonly Crl[];
  deltas(issuer: Name): readonly Crl[];
}

/** Nothing is verified here: signature, time and scope of a CRL are judged when it answers for a certificate. */
export function createCrlIndex(crls: readonly Crl[]): CrlIndex {
  const newestFirst = crls.toSorted(
    // By time first: a CA that was rebuilt may count from one again, and an old list must not win by its number.
    (a, b) => b.thisUpdate - a.thisUpdate || compare(b.crlNumber ?? -1n, a.crlNumber ?? -1n),
  );
  const [deltas, complete] = [true, false].map((delta) =>
    Map.groupBy(
      newestFirst.filter((crl) => (crl.baseCrlNumber !== undefined) === delta),
      (crl) => crl.issuer.key,
    ),
  ) as [Map<string, Crl[]>, Map<string, Crl[]>];
  return {
    crls,
    complete: (issuer) => complete.get(issuer.key) ?? [],
    deltas: (issuer) => deltas.get(issuer.key) ?? [],
  };
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** What is known about one certificate's revocation. */
export type RevocationStatus =
  | {
      readonly status: "good" | "stale";
      readonly detail: string;
      /** Epoch ms from which the answer may not be used any more. */
      readonly validUntil: number;
    }
  | { readonly status: "revoked"; readonly detail: string }
  | {
      readonly status: "unknown";
      /** A sentence for each source that could not answer; they are sent to the caller. */
      readonly problems: readonly string[];
      /** The source was not asked yet: fetch, then decide again. A source that comes first is then not passed over. */
      readonly worthFetching?: true;
    };

/**
 * Another source of status, such as OCSP answers that were fetched and verified before. It must answer at once, and
 * only for this certificate under this issuer.
 */
export interface StatusSource {
  statusOf(certificate: Certificate, issuer: Certificate, at: number): RevocationStatus;
}

/**
 * How revocation takes part in a decision.
 *
 * `hard`: every certificate below the anchor needs a current answer. `soft`: a CRL may be used for `graceMs` after its
 * nextUpdate; a certificate without any answer is refused in this mode too, since "accept when in doubt" is what an
 * attacker who blocks the download asks for. `off`: not checked.
 */
export interface RevocationPolicy {
  readonly mode: "hard" | "soft" | "off";
  /** Milliseconds; counts in mode `soft` only. */
  readonly graceMs: number;
  /** Milliseconds since thisUpdate after which a CRL is too old, whatever its nextUpdate. Absent: no such limit. */
  readonly maxCrlAgeMs?: number;
  /**
   * A CRL without nextUpdate, which RFC 5280 5.1.2.5 forbids: it never becomes out of date, so an attacker could
   * replay it for ever. Default `refuse`; `accept` is for use with `maxCrlAgeMs`.
   */
  readonly crlWithoutNextUpdate?: "refuse" | "accept";
  readonly crls: CrlIndex;
  /** A second source; `first` asks it before the CRLs. The second of the two is asked where the first does not know. */
  readonly other?: { readonly order: "first" | "last"; readonly source: StatusSource };
}
