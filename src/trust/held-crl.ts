import type { Crl } from "../pki/crl.ts";

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

/** A CRL that was taken, with what readiness shows of it. */
export interface KeptCrl {
  readonly crl: Crl;
  readonly held: HeldCrl;
}
