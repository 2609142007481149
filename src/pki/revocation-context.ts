import type { Budget } from "./budget.ts";
import type { Certificate } from "./certificate.ts";
import type { Name } from "./name.ts";
import type { PathRules } from "./path-rules.ts";
import type { RevocationPolicy } from "./revocation.ts";

/** A certificate whose key may sign CRLs, and the epoch ms until which that was found out. */
export interface CrlSigner {
  readonly certificate: Certificate;
  readonly validUntil: number;
}

/** What a check of revocation takes from the decision that it is part of. */
export interface RevocationContext {
  readonly policy: RevocationPolicy;
  /** Epoch ms. */
  readonly at: number;
  readonly budget: Budget;
  readonly rules: PathRules;
  /**
   * Other certificates with this subject that may sign CRLs, each with a valid path to the same anchor (RFC 5280
   * 6.3.3 (f)): for CRL keys apart from the CA's and for indirect CRLs. Lazily, since each costs a path.
   */
  readonly signersNamed: (issuer: Name) => Iterable<CrlSigner>;
}
