import { Certificate, parseCertificate } from "./certificate.ts";
import type { Name } from "./name.ts";
import { PkiError } from "./pki-error.ts";

/** A certificate that may have issued another one, by name. */
export interface Candidate {
  readonly certificate: Certificate;
  readonly role: "anchor" | "intermediate";
  /** Certificates from this one up to the nearest anchor, both counted, if names alone decided; 1 for an anchor. */
  readonly distance: number;
}

/**
 * Everything that could stand above a leaf: anchors, and foreign certificates in no order, decoys among them.
 * Only those from which names lead to an anchor are kept: a mesh without a way out is never walked.
 */
export class CandidatePool {
  /** Why candidates were left out: sentences for the trace. */
  readonly remarks: readonly string[];
  readonly #bySubject: ReadonlyMap<string, readonly Candidate[]>;

  constructor(
    presented: readonly (Uint8Array | Certificate)[],
    anchors: readonly Certificate[],
    maximumCandidates: number,
  ) {
    const remarks: string[] = [];
    const seen = new Map(anchors.map((anchor) => [octets(anchor.der), anchor]));
    const intermediates: Certificate[] = [];
    // Certificates that are already read come first: they remember which of their signatures are good.
    const known = presented.filter((candidate) => candidate instanceof Certificate);
    const foreign = presented.filter((candidate) => !(candidate instanceof Certificate));
    for (const [index, candidate] of [...known, ...foreign].entries()) {
      if (intermediates.length >= maximumCandidates) {
        remarks.push(
          `only ${maximumCandidates} of ${presented.length} candidate certificates were looked at`,
        );
        break;
      }
      const key = octets(candidate instanceof Certificate ? candidate.der : candidate);
      if (seen.has(key)) continue;
      try {
        const certificate = candidate instanceof Certificate ? candidate : parseCertificate(candidate);
        seen.set(key, certificate);
        intermediates.push(certificate);
      } catch (error) {
        // A candidate proves nothing by being there, so a broken one is as good as none.
        if (!(error instanceof PkiError)) throw error;
        remarks.push(`candidate ${index + 1} is unreadable: ${error.message}`);
      }
    }
    this.remarks = remarks;
    this.#bySubject = indexByDistance([...new Set(anchors)], intermediates);
  }

  /** The certificates with this subject that may lead to an anchor, the nearest to one first. */
  named(subject: Name): readonly Candidate[] {
    return this.#bySubject.get(subject.key) ?? [];
  }

  /** Who may have issued a certificate: key identifiers (hints, never proofs) first, then the shortest way. */
  issuersOf(certificate: Certificate): readonly Candidate[] {
    const candidates = this.named(certificate.issuer);
    if (candidates.length < 2) return candidates;
    const wanted = certificate.known.authorityKeyIdentifier?.keyIdentifier;
    return candidates.toSorted(
      (a, b) => mismatch(a.certificate, wanted) - mismatch(b.certificate, wanted) || a.distance - b.distance,
    );
  }
}

/** Breadth first from the anchors down, by names alone: linear in the number of certificates. */
function indexByDistance(
  anchors: readonly Certificate[],
  intermediates: readonly Certificate[],
): Map<string, Candidate[]> {
  const bySubject = new Map<string, Candidate[]>();
  const byIssuer = Map.groupBy(intermediates, (certificate) => certificate.issuer.key);
  const queue: Candidate[] = anchors.map((certificate) => ({ certificate, role: "anchor", distance: 1 }));
  for (const candidate of queue) {
    const subject = candidate.certificate.subject.key;
    const same = bySubject.get(subject);
    if (same !== undefined) same.push(candidate);
    else bySubject.set(subject, [candidate]);
    for (const certificate of byIssuer.get(subject) ?? [])
      queue.push({ certificate, role: "intermediate", distance: candidate.distance + 1 });
    byIssuer.delete(subject);
  }
  return bySubject;
}

/** 0: the key identifiers agree; 1: one is absent; 2: they differ. */
function mismatch({ known }: Certificate, wanted: Uint8Array | undefined): number {
  if (wanted === undefined || known.subjectKeyIdentifier === undefined) return 1;
  return Buffer.compare(known.subjectKeyIdentifier, wanted) === 0 ? 0 : 2;
}

const octets = (der: Uint8Array): string =>
  Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString("latin1");
