import type { Budget } from "./budget.ts";
import type { Candidate, CandidatePool } from "./candidate-pool.ts";
import type { Certificate } from "./certificate.ts";

/** One search for paths; `mayIssue` is where signatures and the issuer's own checks come in. */
export interface PathSearch {
  readonly pool: CandidatePool;
  readonly budget: Budget;
  readonly maximumIntermediates: number;
  readonly mayIssue: (issuer: Candidate, subject: Certificate) => boolean;
}

/**
 * Every path from a certificate up to an anchor, lazily, the most promising first (RFC 4158). The caller takes one,
 * checks it, and asks for the next if it does not do: that is the backtracking.
 *
 * Ends for every input: no certificate of the same subject and key stands twice in a path (RFC 4158 5.2), paths are
 * bounded in length, and each step is taken from the budget.
 *
 * @returns paths with the certificate first and the anchor last
 */
export function* buildPaths(start: Certificate, search: PathSearch): Generator<readonly Certificate[]> {
  yield* extend([start], search);
}

function* extend(path: readonly Certificate[], search: PathSearch): Generator<readonly Certificate[]> {
  const subject = path.at(-1) as Certificate;
  const intermediates = path.length - 1;
  for (const candidate of search.pool.issuersOf(subject)) {
    if (!search.budget.spend("pathSteps")) return;
    const { certificate, role, distance } = candidate;
    if (role === "anchor") {
      if (search.mayIssue(candidate, subject)) yield [...path, certificate];
    } else if (
      // `distance` counts the anchor as well: what is left of it are the intermediates still to come.
      intermediates + distance - 1 <= search.maximumIntermediates &&
      !path.some((below) => isSameAuthority(below, certificate)) &&
      search.mayIssue(candidate, subject)
    )
      yield* extend([...path, certificate], search);
  }
}

const isSameAuthority = (a: Certificate, b: Certificate): boolean =>
  a.publicKey.id === b.publicKey.id && a.subject.equals(b.subject);
