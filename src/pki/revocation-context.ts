import type { Budget } from "./budget.ts";
import type { Certificate } from "./certificate.ts";
import type { Name } from "./name.ts";
import type { PathRules } from "./path-rules.ts";
import type { RevocationPolicy } from "./revocation.ts";

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
  readonly signersNamed: (issuer: Name, anchor: Certificate) => Iterable<Certificate>;
}
