/** Where a secret is kept: the environment, a file, a Key Vault. Read anew at each call, so that a change arrives. */
export interface SecretSource {
  /** For logs and reports, e.g. `file secrets/key`; never the secret. */
  readonly name: string;
  /** @throws GatewayError `credential_unavailable` or `trust_unavailable` with a sentence for the operator */
  read(signal: AbortSignal): Promise<string>;
}

/** A certificate with its key, as PEM. */
export interface CertificateWithKey {
  /** Leaf first, each certificate followed by its issuer. */
  readonly certificateChainPem: string;
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
  /** Epoch ms: the leaf's notAfter. */
  readonly notAfter: number;
}

/** Where a certificate with its key is kept; read anew at each call, so that a renewal arrives. */
export interface CertificateWithKeySource {
  readonly name: string;
  /** @throws GatewayError with a sentence for the operator */
  fetch(signal: AbortSignal): Promise<CertificateWithKey>;
}
