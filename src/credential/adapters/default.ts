import type { TokenSource } from "../../model/token-source.ts";
import { createAzureTokenSource } from "./azure-identity.ts";
import { adviseOnEntra, type EntraAuthority, entraOptions } from "./entra.ts";

export interface DefaultCredentialOptions {
  readonly managedIdentityClientId?: string;
  readonly tenantId?: string;
  readonly authority: EntraAuthority;
}

/**
 * The SDK's `DefaultAzureCredential`: the first of environment, workload identity, managed identity and the developer
 * tools that has an account. The operator named this chain, so what it settles on is no fall-back of ours.
 */
export function createDefaultCredential(options: DefaultCredentialOptions): TokenSource {
  const { managedIdentityClientId, tenantId, authority } = options;
  return createAzureTokenSource({
    identity: "default credential",
    advise(fault) {
      if (/AADSTS\d/.test(fault.text)) return adviseOnEntra(fault);
      return "none of the ways of DefaultAzureCredential works here; name the one that you mean by its own type, and its fault will say what to do";
    },
    async make(watch) {
      const { DefaultAzureCredential } = await import("@azure/identity");
      return new DefaultAzureCredential({
        ...entraOptions(authority, watch),
        processTimeoutInMs: 20_000,
        ...(tenantId === undefined ? {} : { tenantId }),
        ...(managedIdentityClientId === undefined ? {} : { managedIdentityClientId }),
      });
    },
  });
}
