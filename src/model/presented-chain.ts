/**
 * What a caller presented in the TLS handshake: foreign bytes, nothing verified. Captured once a connection.
 */
export interface PresentedChain {
  /** The end-entity certificate, DER. */
  readonly leaf: Uint8Array;
  /** Whatever else was sent, DER, in the order seen. It proves nothing. */
  readonly others: readonly Uint8Array[];
}

/** The TLS library's own opinion of the presented chain: the independent second voice. */
export interface TlsOpinion {
  readonly authorized: boolean;
  /** The library's error code, e.g. `UNABLE_TO_VERIFY_LEAF_SIGNATURE`, when it did not authorise. */
  readonly error?: string;
}
