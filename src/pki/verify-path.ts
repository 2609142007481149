import { allow, type Allowed, type Denied, type TraceStep } from "../model/verdict.ts";
import { Certificate, parseCertificate } from "./certificate.ts";
import { type Attempt, explainDenial } from "./path-denial.ts";
import { checkPath } from "./path-checks.ts";
import type { MissingRevocation } from "./path-failure.ts";
import { PathDecision } from "./path-decision.ts";
import type { PathQuery } from "./path-query.ts";
import { PkiError } from "./pki-error.ts";
import { sealVerifiedPath, type VerifiedPath } from "./verified-path.ts";

export type { PathQuery } from "./path-query.ts";
export { defaultPathRules, type PathRules } from "./path-rules.ts";

/** A denial by path validation. */
export interface PathDenied extends Denied {
  /** With `revocation_unavailable`: the data to fetch, after which asking again may help. */
  readonly missing?: readonly MissingRevocation[];
}
export type PathVerdict = Allowed<VerifiedPath> | PathDenied;

/** How many paths are looked into for the best reason of a denial. */
const maximumDiagnoses = 8;

/**
 * Decides whether a certificate chains to a trust anchor (RFC 5280 section 6, RFC 4158 for the search).
 * Never throws on foreign bytes and always ends: every kind of work has its budget (`budget.ts`).
 */
export function verifyPath(query: PathQuery): PathVerdict {
  if (query.anchors.length === 0)
    return denied("trust_unavailable", "no trust anchor is configured or loaded", []);
  let leaf: Certificate;
  try {
    leaf = query.leaf instanceof Certificate ? query.leaf : parseCertificate(query.leaf);
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    return denied("client_certificate_invalid", `the certificate is unreadable: ${error.message}`, []);
  }

  const decision = new PathDecision(query);
  const attempts: Attempt[] = [];
  // A leaf with a fault of its own cannot be accepted; it is still looked up, to know whether it is ours at all.
  if (decision.ownFailure(leaf, "leaf") === undefined)
    for (const path of decision.soundPaths(leaf)) {
      const checked = checkPath(path, "leaf", decision);
      if (checked.failure === undefined) {
        const proof = sealVerifiedPath(path, checked.validUntil, checked.notes);
        return allow(proof, [...decision.remarks(), ...checked.steps]);
      }
      attempts.push({ path, checked });
    }
  // Nothing below can accept: it only looks for the most useful reason.
  if (attempts.length === 0)
    for (const path of decision.brokenPaths(leaf)) {
      attempts.push({ path, checked: checkPath(path, "leaf", decision) });
      if (attempts.length >= maximumDiagnoses) break;
    }
  const { code, detail, trace, missing } = explainDenial(leaf, attempts, decision);
  return denied(code, detail, trace, missing);
}

function denied(
  code: Denied["code"],
  detail: string,
  trace: readonly TraceStep[],
  missing?: readonly MissingRevocation[],
): PathDenied {
  return { allowed: false, code, detail, trace, ...(missing === undefined ? {} : { missing }) };
}
