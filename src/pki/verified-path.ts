import type { Certificate } from "./certificate.ts";

/** What the check of revocation found out about one certificate, for logs and the trace. */
export interface RevocationNote {
  /** RFC 4514 form. */
  readonly certificate: string;
  /**
   * `good`: current data says so. `stale`: accepted on data within the grace after its end. `unknown`: soft mode, no
   * data. `not-checked`: revocation is off.
   */
  readonly status: "good" | "stale" | "unknown" | "not-checked";
  readonly detail: string;
}

type Seal = (
  certificates: readonly Certificate[],
  validUntil: number,
  notes: readonly RevocationNote[],
) => VerifiedPath;

/** For `verify-path.ts` alone, which has made every check by then. The layer rules keep everybody else off it. */
export let sealVerifiedPath: Seal;

/**
 * The proof that a presented chain was validated: nothing outside this folder can construct one, so a stage that asks
 * for it cannot be reached around the validator.
 */
export class VerifiedPath {
  /** Leaf first, anchor last. */
  readonly certificates: readonly Certificate[];
  /** Epoch ms until which the verdict may be kept: the earliest notAfter and end of revocation data it rests on. */
  readonly validUntil: number;
  readonly revocationNotes: readonly RevocationNote[];
  /** Makes the type nominal: an object that only looks like it does not have it. */
  readonly #sealed = true;

  private constructor(
    certificates: readonly Certificate[],
    validUntil: number,
    revocationNotes: readonly RevocationNote[],
  ) {
    this.certificates = Object.freeze([...certificates]);
    this.validUntil = validUntil;
    this.revocationNotes = Object.freeze([...revocationNotes]);
    Object.freeze(this);
  }

  /** The caller's own certificate. */
  get leaf(): Certificate {
    return this.certificates[0] as Certificate;
  }

  static isProof(value: unknown): value is VerifiedPath {
    return typeof value === "object" && value !== null && #sealed in value && value.#sealed;
  }

  static {
    sealVerifiedPath = (certificates, validUntil, notes) => new VerifiedPath(certificates, validUntil, notes);
  }
}
