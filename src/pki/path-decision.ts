import type { TraceStep } from "../model/verdict.ts";
import { Budget } from "./budget.ts";
import { type Candidate, CandidatePool } from "./candidate-pool.ts";
import type { Certificate } from "./certificate.ts";
import { checkCertificate, keyWeakness } from "./certificate-checks.ts";
import type { Role } from "./extension-rules.ts";
import type { Name } from "./name.ts";
import { buildPaths } from "./path-builder.ts";
import { checkPath, type PathContext } from "./path-checks.ts";
import type { PathFailure } from "./path-failure.ts";
import type { PathRules } from "./path-rules.ts";
import type { RevocationPolicy, RevocationStatus } from "./revocation.ts";
import { checkRevocation } from "./revocation-check.ts";
import type { CrlSigner } from "./revocation-context.ts";
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
  readonly #failures: Record<Role, Map<Certificate, PathFailure | undefined>> = {
    leaf: new Map(),
    "crl-signer": new Map(),
    intermediate: new Map(),
    anchor: new Map(),
  };
  readonly #rejections = new Map<Certificate, Rejection>();
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
    const known = this.#failures[role];
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

  /**
   * Paths for finding reasons, never for accepting: issuers may have faults. A signature of an algorithm or a key that
   * is refused anyway is not checked, since a foreign key of 16,384 bits would be dear.
   */
  brokenPaths(start: Certificate): Generator<readonly Certificate[]> {
    return this.#paths(
      start,
      (issuer, subject) =>
        !subject.signatureAlgorithm.supported ||
        keyWeakness(issuer.certificate.publicKey, this.rules) !== undefined ||
        this.#isSignedBy(subject, issuer.certificate) ||
        this.#reject(issuer, "its key did not sign it"),
    );
  }

  statusOf(certificate: Certificate, issuer: Certificate, anchor: Certificate): RevocationStatus {
    return checkRevocation(certificate, issuer, {
      policy: this.#policy,
      at: this.at,
      budget: this.budget,
      rules: this.rules,
      signersNamed: (name) => this.#signersNamed(name, anchor),
    });
  }

  *#signersNamed(name: Name, anchor: Certificate): Generator<CrlSigner> {
    for (const { certificate } of this.#pool.named(name)) {
      if (certificate === anchor) yield { certificate, validUntil: Number.POSITIVE_INFINITY };
      if (certificate === anchor || this.#signersAtWork.has(certificate)) continue;
      const validUntil = this.#vouchesUntil(certificate, anchor);
      if (validUntil !== undefined) yield { certificate, validUntil };
    }
  }

  /** RFC 5280 6.3.3 (f): a CRL issuer needs a valid path of its own, to the same anchor. */
  #vouchesUntil(signer: Certificate, anchor: Certificate): number | undefined {
    if (this.ownFailure(signer, "crl-signer") !== undefined) return undefined;
    this.#signersAtWork.add(signer);
    try {
      for (const path of this.soundPaths(signer)) {
        if (path.at(-1) !== anchor) continue;
        const checked = checkPath(path, "crl-signer", this);
        if (checked.failure === undefined) return checked.validUntil;
      }
      return undefined;
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
    return this.budget.spend("signatureChecks") && subject.isSignedBy(issuer);
  }

  #reject({ certificate }: Candidate, reason: string): false {
    if (!this.#rejections.has(certificate))
      this.#rejections.set(certificate, { candidate: certificate, reason });
    return false;
  }
}
