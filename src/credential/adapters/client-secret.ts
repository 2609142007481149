import type { TokenSource } from "../../model/token-source.ts";
import type { SecretSource } from "../secret-source.ts";
import { createAzureTokenSource } from "./azure-identity.ts";
import { adviseOnEntra, type EntraAuthority, entraOptions } from "./entra.ts";

export interface ClientSecretOptions {
  readonly tenantId: string;
  readonly clientId: string;
  readonly secret: SecretSource;
  readonly authority: EntraAuthority;
}

/** An app registration by its secret, which is read again before each token. */
export function createClientSecretCredential(options: ClientSecretOptions): TokenSource {
  const { tenantId, clientId, secret, authority } = options;
  return createAzureTokenSource({
    identity: `app ${clientId} with a client secret`,
    advise: adviseOnEntra,
    material: (signal) => secret.read(signal),
    async make(watch, value) {
      const { ClientSecretCredential } = await import("@azure/identity");
      return new ClientSecretCredential(tenantId, clientId, value, entraOptions(authority, watch));
    },
  });
}
