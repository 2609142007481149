import { createPrivateKey } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import { GatewayError } from "../../kernel/errors.ts";
import type { TokenSource } from "../../model/token-source.ts";
import type { CertificateWithKeySource } from "../secret-source.ts";
import { createAzureTokenSource } from "./azure-identity.ts";
import { adviseOnEntra, type EntraAuthority, entraOptions } from "./entra.ts";

export interface ClientCertificateOptions {
  readonly tenantId: string;
  readonly clientId: string;
  readonly certificate: CertificateWithKeySource;
  /** Whether the chain goes along, for an app registration that trusts a subject name and issuer. */
  readonly sendCertificateChain: boolean;
  readonly authority: EntraAuthority;
  readonly clock: Clock;
}

/**
 * An app registration by its certificate, which is looked at again before each token: the SDK reads its file again but
 * goes on signing with the key that it read first.
 */
export function createClientCertificateCredential(options: ClientCertificateOptions): TokenSource {
  const { tenantId, clientId, certificate: source, sendCertificateChain, authority, clock } = options;
  return createAzureTokenSource({
    identity: `app ${clientId} with a client certificate`,
    advise: adviseOnEntra,
    async material(signal) {
      const { certificateChainPem, privateKeyPem, notAfter } = await source.fetch(signal);
      // Entra's own sentence about it does not name the certificate.
      if (clock.now() > notAfter)
        throw new GatewayError(
          "credential_unavailable",
          `the client certificate of ${source.name} expired at ${new Date(notAfter).toISOString()}; renew it there`,
        );
      // The SDK signs with RSA only, and says so in words of its own.
      if (createPrivateKey(privateKeyPem).asymmetricKeyType !== "rsa")
        throw new GatewayError(
          "credential_unavailable",
          `the client certificate of ${source.name} has no RSA key; Entra's SDK signs with RSA only, so make one with an RSA key`,
        );
      return `${certificateChainPem}${privateKeyPem}`;
    },
    async make(watch, certificate) {
      const { ClientCertificateCredential } = await import("@azure/identity");
      return new ClientCertificateCredential(
        tenantId,
        clientId,
        { certificate },
        { ...entraOptions(authority, watch), sendCertificateChain },
      );
    },
  });
}
