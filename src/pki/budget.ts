/** What one decision may cost. Foreign bytes steer the search, so each kind of work is counted and bounded. */
export interface Limits {
  /**
   * Signature checks. rustls-webpki stops at 100 as Go's crypto/x509 does (maxChainSignatureChecks): no sane PKI needs
   * a tenth of it, and 100 ECDSA checks take some 10 ms.
   */
  readonly signatureChecks: number;
  /**
   * Certificates that the path search steps on. Meshes of CAs that cross-sign each other have exponentially many
   * paths (RFC 4158 2.4). rustls-webpki allows 200,000 calls of a cheaper kind; 2,000 steps here stay below a second.
   */
  readonly pathSteps: number;
  /** Comparisons of a name with a subtree, against quadratic inputs: BoringSSL's limit, 2^20 (rustls-webpki: 250,000). */
  readonly nameComparisons: number;
  /** Certificates besides the leaf. OpenSSL takes 100 kB from a peer, which is a hundred or two. */
  readonly candidates: number;
}

export const defaultLimits: Limits = {
  signatureChecks: 100,
  pathSteps: 2_000,
  nameComparisons: 2 ** 20,
  candidates: 256,
};

/** The part of the limits that is left of one decision. */
export class Budget {
  readonly #left: { -readonly [K in keyof Limits]: number };
  #exhausted: keyof Limits | undefined;

  constructor(limits: Limits) {
    this.#left = { ...limits };
  }

  /** Takes `amount` out. Once false, what was asked for must not be done, and nothing may be accepted for lack of it. */
  spend(kind: keyof Limits, amount = 1): boolean {
    this.#left[kind] -= amount;
    if (this.#left[kind] >= 0) return true;
    this.#exhausted ??= kind;
    return false;
  }

  /** The first limit that was hit. */
  get exhausted(): keyof Limits | undefined {
    return this.#exhausted;
  }
}
