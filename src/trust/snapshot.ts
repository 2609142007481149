import type { Certificate } from "../pki/certificate.ts";
import type { CrlIndex } from "../pki/revocation.ts";

/** A CRL that is held, as readiness and the admin API show it. */
export interface HeldCrl {
  /** The source's name. */
  readonly source: string;
  /** The CRL issuer's name in RFC 4514 form. */
  readonly issuer: string;
  /** Epoch ms. */
  readonly thisUpdate: number;
  /** Epoch ms; absent when the CRL promises no next one. */
  readonly nextUpdate?: number;
  /** How many certificates it revokes. */
  readonly entries: number;
  /** SHA-256 of its DER, lower-case hex. */
  readonly sha256: string;
}

/**
 * Everything that a trust decision takes from outside, at one instant: immutable, so that a decision sees one state
 * only, and numbered, so that a kept verdict knows when it is out of date.
 */
export interface TrustSnapshot {
  /** Grows by one whenever the content changes. 0: nothing was loaded yet. */
  readonly version: number;
  readonly anchors: readonly Certificate[];
  /** Untrusted candidates for path building. */
  readonly intermediates: readonly Certificate[];
  readonly crls: CrlIndex;
  readonly heldCrls: readonly HeldCrl[];
}
