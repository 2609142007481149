import type { TraceStep } from "../model/verdict.ts";
import type { Certificate } from "./certificate.ts";
import type { CheckedPath } from "./path-checks.ts";
import type { PathDecision } from "./path-decision.ts";
import {
  failureStep,
  type MissingRevocation,
  type PathDenialCode,
  type PathFailure,
  shownName,
  stages,
  subjectOf,
} from "./path-failure.ts";

/** A complete path that was checked and refused. */
export interface Attempt {
  readonly path: readonly Certificate[];
  readonly checked: CheckedPath;
}

interface Explanation {
  readonly code: PathDenialCode;
  readonly detail: string;
  readonly trace: readonly TraceStep[];
  readonly missing?: readonly MissingRevocation[];
}

/** Hints beyond this many say nothing more. */
const maximumHints = 5;

/** Picks the most useful reason among everything that was tried, and tells the rest as hints. */
export function explainDenial(
  leaf: Certificate,
  attempts: readonly Attempt[],
  decision: PathDecision,
): Explanation {
  const hints = [...decision.remarks(), ...exhaustionOf(decision), ...hintsOf(leaf, attempts, decision)];
  const best = furthest(attempts);
  if (best === undefined) return untrusted(leaf, decision, hints);
  const { failure, steps } = best;
  return {
    code: failure.code,
    detail: failure.detail,
    trace: [...steps, failureStep(failure), ...hints],
    ...(failure.missing === undefined ? {} : { missing: failure.missing }),
  };
}

function furthest(
  attempts: readonly Attempt[],
): { failure: PathFailure; steps: readonly TraceStep[] } | undefined {
  let best: { failure: PathFailure; steps: readonly TraceStep[] } | undefined;
  for (const { checked } of attempts) {
    if (checked.failure === undefined) continue;
    if (best === undefined || stages.indexOf(checked.failure.stage) > stages.indexOf(best.failure.stage))
      best = { failure: checked.failure, steps: checked.steps };
  }
  return best;
}

/** No path came as far as an anchor. */
function untrusted(leaf: Certificate, decision: PathDecision, hints: readonly TraceStep[]): Explanation {
  const [first] = decision.rejections;
  const because =
    leaf.isSelfIssued && !decision.knowsIssuerOf(leaf)
      ? "it is self-signed, and no trust anchor itself"
      : !decision.knowsIssuerOf(leaf)
        ? `no certificate of its issuer ${shownName(leaf.issuer) || "(an empty name)"} leads to one`
        : decision.budget.exhausted !== undefined
          ? "the search ran into its limit"
          : "no path to one holds";
  const hint = first === undefined ? "" : `, ${possiblyBecause(first.reason, first.candidate)}`;
  const detail = `${subjectOf(leaf)} does not chain to a trust anchor: ${because}${hint}`;
  const step: TraceStep = {
    check: "chain",
    outcome: "fail",
    detail,
    certificate: subjectOf(leaf),
    rfc: "RFC 5280 6.1.3(a)(1), (4)",
  };
  return { code: "client_certificate_untrusted", detail, trace: [step, ...hints] };
}

function exhaustionOf({ budget }: PathDecision): TraceStep[] {
  return budget.exhausted === undefined
    ? []
    : [{ check: "budget", outcome: "info", detail: `the search ended at its limit of ${budget.exhausted}` }];
}

function hintsOf(leaf: Certificate, attempts: readonly Attempt[], decision: PathDecision): TraceStep[] {
  const rejected = decision.rejections.map(({ reason, candidate }) => possiblyBecause(reason, candidate));
  const failed = attempts.flatMap(({ path, checked }) =>
    checked.failure === undefined ? [] : [possiblyBecause(checked.failure.detail, path[1] ?? leaf)],
  );
  return [...new Set([...rejected, ...failed])]
    .slice(0, maximumHints)
    .map((detail) => ({ check: "hint", outcome: "info", detail, certificate: subjectOf(leaf) }));
}

/** Go's crypto/x509 words it so, and operators know it. */
const possiblyBecause = (reason: string, candidate: Certificate): string =>
  `possibly because of "${reason}" while trying candidate ${subjectOf(candidate)} (serial ${candidate.serialHex.slice(0, 64)})`;
