/** Where certificates come from: trust anchors, or untrusted candidates for path building. */
export interface CertificateSource {
  /** For logs, readiness and metrics, e.g. `file certs/root-ca.pem`; unique among the sources of one store. */
  readonly name: string;
  /**
   * The DER of each certificate that the source holds now; at least one.
   * @throws GatewayError `trust_unavailable` with a sentence for the operator
   */
  fetch(signal: AbortSignal): Promise<readonly Uint8Array[]>;
}

/** Where certificate revocation lists come from. */
export interface CrlSource {
  readonly name: string;
  /**
   * The DER of each CRL that the source holds now; at least one.
   * @throws GatewayError `revocation_unavailable` with a sentence for the operator
   */
  fetch(signal: AbortSignal): Promise<readonly Uint8Array[]>;
}

/** The gateway's own TLS certificate, as `node:tls` takes it. `privateKeyPem` is a secret. */
export interface ServerCertificate {
  /** Leaf first, each certificate followed by its issuer. */
  readonly certificateChainPem: string;
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
  /** Epoch ms: the leaf's notAfter. */
  readonly notAfter: number;
}

/** Where the gateway's own TLS certificate comes from. */
export interface ServerCertificateSource {
  readonly name: string;
  /** @throws GatewayError `trust_unavailable` with a sentence for the operator */
  fetch(signal: AbortSignal): Promise<ServerCertificate>;
}
