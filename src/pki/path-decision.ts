import type { TraceStep } from "../model/verdict.ts";
import { Budget } from "./budget.ts";
import { type Candidate, CandidatePool } from "./candidate-pool.ts";
import type { Certificate } from "./certificate.ts";
import { checkCertificate } from "./certificate-checks.ts";
import type { Role } from "./extension-rules.ts";
import type { Name } from "./name.ts";
import { buildPaths } from "./path-builder.ts";
import { checkPath, type PathContext } from "./path-checks.ts";
import type { PathFailure } from "./path-failure.ts";
import type { PathRules } from "./path-rules.ts";
import type { RevocationPolicy, RevocationStatus } from "./revocation.ts";
import { checkRevocation } from "./revocation-check.ts";
import { verifySignature } from "./signature-algorithms.ts";
import type { PathQuery } from "./path-query.ts";

/** A candidate issuer that did not do, and why: the stuff of hints. */
export interface Rejection {
  readonly candidate: Certificate;
  readonly reason: string;
}

/** The working memory of one decision: its budget, its pool of candidates, and what was found out about them. */
export class PathDecision implements PathContext {
  readonly at: number;
  readonly rules: PathRules;
  readonly budget: Budget;
  readonly revocation: RevocationPolicy["mode"];
  readonly #policy: RevocationPolicy;
  readonly #pool: CandidatePool;
  readonly #failures = new Map<Role, Map<Certificate, PathFailure | undefined>>();
  readonly #rejections = new Map<Certificate, Rejection>();
  readonly #statuses = new Map<Certificate, Map<Certificate, RevocationStatus>>();
  /** CRL signers whose own path is being validated right now: none may vouch for itself. */
  readonly #signersAtWork = new Set<Certificate>();

  constructor(query: PathQuery) {
    this.at = query.at;
    this.rules = query.rules;
    this.budget = new Budget(query.rules.limits);
    this.#policy = query.revocation;
    this.revocation = query.revocation.mode;
    this.#pool = new CandidatePool(query.candidates, query.anchors, query.rules.limits.candidates);
  }

  get rejections(): readonly Rejection[] {
    return [...this.#rejections.values()];
  }

  /** Whether any anchor or kept candidate bears the name of this certificate's issuer. */
  knowsIssuerOf(certificate: Certificate): boolean {
    return this.#pool.named(certificate.issuer).length > 0;
  }

  remarks(): TraceStep[] {
    return this.#pool.remarks.map((detail) => ({ check: "candidates", outcome: "info", detail }));
  }

  ownFailure(certificate: Certificate, role: Role): PathFailure | undefined {
    const known = mapOf(this.#failures, role);
    if (!known.has(certificate)) {
      // A CRL signer is asked neither for a purpose nor to be no CA.
      const rules: PathRules = role === "crl-signer" ? { ...this.rules, purpose: "any" } : this.rules;
      known.set(certificate, checkCertificate(certificate, role, this.at, rules));
    }
    return known.get(certificate);
  }

  /** Paths of good signatures and issuers that are in order by themselves. */
  soundPaths(start: Certificate): Generator<readonly Certificate[]> {
    return this.#paths(start, (issuer, subject) => {
      const failure = this.ownFailure(issuer.certificate, issuer.role);
      if (failure !== undefined) return this.#reject(issuer, failure.detail);
      return this.#isSignedBy(subject, issuer.certificate) || this.#reject(issuer, "its key did not sign it");
    });
  }

  /** Paths for finding reasons: issuers may have faults, and signatures that cannot be checked are let pass. */
  brokenPaths(start: Certificate): Generator<readonly Certificate[]> {
    return this.#paths(
      start,
      (issuer, subject) =>
        !subject.signatureAlgorithm.supported ||
        this.#isSignedBy(subject, issuer.certificate) ||
        this.#reject(issuer, "its key did not sign it"),
    );
  }

  statusOf(certificate: Certificate, issuer: Certificate, anchor: Certificate): RevocationStatus {
    const known = mapOf(this.#statuses, certificate);
    const before = known.get(issuer);
    if (before !== undefined) return before;
    const status = checkRevocation(certificate, issuer, anchor, {
      policy: this.#policy,
      at: this.at,
      budget: this.budget,
      rules: this.rules,
      signersNamed: (name, end) => this.#signersNamed(name, end),
    });
    // While a signer is being validated an answer may be missing only because that signer may not vouch for itself.
    if (this.#signersAtWork.size === 0) known.set(issuer, status);
    return status;
  }

  *#signersNamed(name: Name, anchor: Certificate): Generator<Certificate> {
    for (const { certificate, role } of this.#pool.named(name)) {
      if (role === "anchor") {
        if (certificate === anchor) yield certificate;
      } else if (!this.#signersAtWork.has(certificate) && this.#mayVouch(certificate, anchor))
        yield certificate;
    }
  }

  /** RFC 5280 6.3.3 (f): a CRL issuer needs a valid path of its own, to the same anchor. */
  #mayVouch(signer: Certificate, anchor: Certificate): boolean {
    if (this.ownFailure(signer, "crl-signer") !== undefined) return false;
    this.#signersAtWork.add(signer);
    try {
      for (const path of this.soundPaths(signer))
        if (path.at(-1) === anchor && checkPath(path, "crl-signer", this).failure === undefined) return true;
      return false;
    } finally {
      this.#signersAtWork.delete(signer);
    }
  }

  #paths(
    start: Certificate,
    mayIssue: (issuer: Candidate, subject: Certificate) => boolean,
  ): Generator<readonly Certificate[]> {
    const { maximumIntermediates } = this.rules;
    return buildPaths(start, { pool: this.#pool, budget: this.budget, maximumIntermediates, mayIssue });
  }

  #isSignedBy(subject: Certificate, issuer: Certificate): boolean {
    const known = subject.knownSignatureBy(issuer);
    if (known !== undefined) return known;
    if (!subject.signatureAlgorithm.supported || !this.budget.spend("signatureChecks")) return false;
    const { toBeSigned, signatureAlgorithm, signature } = subject;
    const valid = verifySignature(toBeSigned, signatureAlgorithm, signature, issuer.publicKey);
    subject.rememberSignatureBy(issuer, valid);
    return valid;
  }

  #reject({ certificate }: Candidate, reason: string): false {
    if (!this.#rejections.has(certificate))
      this.#rejections.set(certificate, { candidate: certificate, reason });
    return false;
  }
}

function mapOf<K, T, V>(maps: Map<K, Map<T, V>>, key: K): Map<T, V> {
  const found = maps.get(key);
  if (found !== undefined) return found;
  const made = new Map<T, V>();
  maps.set(key, made);
  return made;
}
