import { env } from "node:process";
import { GatewayError } from "../../kernel/errors.ts";
import type { TokenSource } from "../../model/token-source.ts";
import { createAzureTokenSource } from "./azure-identity.ts";
import { adviseOnEntra, type EntraAuthority, entraOptions } from "./entra.ts";
import { fileSecret } from "./file-secret.ts";

/** Each but the authority by default from the variable that the cluster's webhook sets. */
export interface WorkloadIdentityOptions {
  readonly tokenFile?: string;
  readonly clientId?: string;
  readonly tenantId?: string;
  readonly authority: EntraAuthority;
}

/**
 * A token that the cluster projects into a file, exchanged for one of Entra's. The file is read for each exchange: the
 * SDK's own reading keeps it for five minutes, over the end of a short-lived one.
 */
export function createWorkloadIdentityCredential(options: WorkloadIdentityOptions): TokenSource {
  const tenantId = options.tenantId ?? env["AZURE_TENANT_ID"];
  const clientId = options.clientId ?? env["AZURE_CLIENT_ID"];
  const tokenFile = options.tokenFile ?? env["AZURE_FEDERATED_TOKEN_FILE"];
  return createAzureTokenSource({
    identity: `workload identity ${clientId ?? "without a client id"}`,
    advise: adviseOnEntra,
    async make(watch) {
      const given = {
        tenantId: present(tenantId, "tenantId", "AZURE_TENANT_ID"),
        clientId: present(clientId, "clientId", "AZURE_CLIENT_ID"),
        tokenFile: present(tokenFile, "tokenFile", "AZURE_FEDERATED_TOKEN_FILE"),
      };
      const file = fileSecret(given.tokenFile);
      const { ClientAssertionCredential } = await import("@azure/identity");
      return new ClientAssertionCredential(
        given.tenantId,
        given.clientId,
        () => file.read(new AbortController().signal),
        entraOptions(options.authority, watch),
      );
    },
  });
}

function present(value: string | undefined, key: string, variable: string): string {
  if (value !== undefined && value !== "") return value;
  throw new GatewayError(
    "credential_unavailable",
    `neither ${key} nor the environment variable ${variable} is given; does the pod use the service account with the label azure.workload.identity/use?`,
  );
}
