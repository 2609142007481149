import type { Config } from "../config/schema.ts";
import type { SecretSourceConfig } from "../config/secret-source-schema.ts";
import {
  type CloudConfig,
  type CredentialConfig,
  isTokenCredential,
  type TokenCredentialConfig,
} from "../config/credential-schema.ts";
import { createApiKeyCredential } from "../credential/adapters/api-key.ts";
import { createAzureCliCredential } from "../credential/adapters/azure-cli.ts";
import { createClientCertificateCredential } from "../credential/adapters/client-certificate.ts";
import { createClientSecretCredential } from "../credential/adapters/client-secret.ts";
import { createDefaultCredential } from "../credential/adapters/default.ts";
import type { EntraAuthority } from "../credential/adapters/entra.ts";
import { environmentSecret } from "../credential/adapters/environment-secret.ts";
import { fileSecret } from "../credential/adapters/file-secret.ts";
import { createManagedIdentityCredential } from "../credential/adapters/managed-identity.ts";
import { createNoCredential } from "../credential/adapters/none.ts";
import { createWorkloadIdentityCredential } from "../credential/adapters/workload-identity.ts";
import type { OutboundCredential } from "../credential/outbound-credential.ts";
import type { SecretSource } from "../credential/secret-source.ts";
import { createTokenKeeper } from "../credential/token-keeper.ts";
import type { Clock } from "../kernel/clock.ts";
import { awsCredential } from "./aws-credentials.ts";
import type { Logger } from "../kernel/logger.ts";
import type { TokenSource } from "../model/token-source.ts";
import { fileServerCertificate } from "../trust/adapters/file-server-certificate.ts";
import type { KeyVaultClient } from "../trust/adapters/key-vault-client.ts";
import { keyVaultServerCertificate } from "../trust/adapters/key-vault-server-certificate.ts";

/** What the tokens are for where the configuration does not say. */
const usualScopes = {
  public: "https://cognitiveservices.azure.com/.default",
  "us-government": "https://cognitiveservices.azure.us/.default",
  china: "https://cognitiveservices.azure.cn/.default",
} as const;

const authorityHosts = {
  public: "https://login.microsoftonline.com",
  "us-government": "https://login.microsoftonline.us",
  china: "https://login.chinacloudapi.cn",
} as const;

/** What a credential's tokens for backends are for. */
export function scopeOf({ scope, audience, cloud }: TokenCredentialConfig): string {
  if (scope !== undefined) return scope;
  // A slash at its end belongs to the audience: that of `https://host/` is asked for as `https://host//.default`.
  if (audience !== undefined) return `${audience}/.default`;
  return usualScopes[typeof cloud === "string" ? cloud : "public"];
}

/** What credentials need of the rest: looked up when used, because a vault needs a credential first. */
export interface CredentialNeeds {
  readonly clock: Clock;
  readonly vault: (name: string) => KeyVaultClient;
  /** PEM of a private CA. */
  readonly readCa: (file: string | undefined) => Promise<string | undefined>;
}

/** One source of tokens for each credential that gives any. */
export async function composeTokenSources(
  config: Pick<Config, "credentials">,
  needs: CredentialNeeds,
): Promise<ReadonlyMap<string, TokenSource>> {
  const sources = new Map<string, TokenSource>();
  for (const [name, options] of Object.entries(config.credentials))
    if (isTokenCredential(options)) sources.set(name, await tokenSource(options, needs));
  return sources;
}

async function tokenSource(options: TokenCredentialConfig, needs: CredentialNeeds): Promise<TokenSource> {
  switch (options.type) {
    case "managed-identity":
      return createManagedIdentityCredential(given(options, ["clientId", "objectId", "resourceId"]));
    case "workload-identity":
      return createWorkloadIdentityCredential({
        ...given(options, ["tokenFile", "clientId", "tenantId"]),
        authority: await authority(options.cloud, needs, "environment"),
      });
    case "client-secret":
      return createClientSecretCredential({
        tenantId: options.tenantId,
        clientId: options.clientId,
        secret: secretSource(options.secret, needs),
        authority: await authority(options.cloud, needs),
      });
    case "client-certificate": {
      const { tenantId, clientId, certificate, sendCertificateChain, cloud } = options;
      return createClientCertificateCredential({
        tenantId,
        clientId,
        sendCertificateChain,
        clock: needs.clock,
        certificate:
          "keyVault" in certificate
            ? {
                name: `certificate ${certificate.certificate} in key vault ${certificate.keyVault}`,
                fetch: (signal) =>
                  keyVaultServerCertificate(needs.vault(certificate.keyVault), certificate.certificate).fetch(
                    signal,
                  ),
              }
            : fileServerCertificate({ file: certificate.file, ...given(certificate, ["keyFile"]) }),
        authority: await authority(cloud, needs),
      });
    }
    case "azure-cli":
      return createAzureCliCredential({
        ...given(options, ["tenantId", "subscription"]),
        scope: scopeOf(options),
      });
    case "default":
      return createDefaultCredential({
        ...given(options, ["managedIdentityClientId", "tenantId"]),
        authority: await authority(options.cloud, needs, "environment"),
      });
  }
}

/** `environment`: without a cloud, `AZURE_AUTHORITY_HOST` counts, which a cluster's webhook sets. */
async function authority(
  cloud: CloudConfig | undefined,
  { readCa }: CredentialNeeds,
  otherwise: "public" | "environment" = "public",
): Promise<EntraAuthority> {
  if (cloud === undefined) return otherwise === "environment" ? {} : { host: authorityHosts.public };
  if (typeof cloud === "string") return { host: authorityHosts[cloud] };
  const ca = await readCa(cloud.caFile);
  return { host: cloud.authorityHost, isCustom: true, ...(ca === undefined ? {} : { ca }) };
}

export function secretSource(source: SecretSourceConfig, { vault }: CredentialNeeds): SecretSource {
  if ("env" in source) return environmentSecret(source.env);
  if ("file" in source) return fileSecret(source.file);
  const { keyVault, secret } = source;
  return {
    name: `secret ${secret} in key vault ${keyVault}`,
    read: async (signal) => (await vault(keyVault).secret(secret, signal)).value.trim(),
  };
}

/** `az` and what the default chain tries are programs that take their time. */
const fetchTimeouts: Partial<Record<CredentialConfig["type"], number>> = {
  "azure-cli": 30_000,
  default: 30_000,
};

export interface OutboundNeeds extends CredentialNeeds {
  readonly log: Logger;
  readonly tokens: (credential: string) => TokenSource;
}

/** A credential as backends use it. */
export function outboundCredential(
  name: string,
  options: CredentialConfig,
  needs: OutboundNeeds,
): OutboundCredential {
  const { clock, log, tokens } = needs;
  if (isTokenCredential(options)) {
    const scope = scopeOf(options);
    return createTokenKeeper({
      name,
      clock,
      logger: log,
      fetchToken: (abortSignal, renew) => tokens(name).getToken(scope, { abortSignal, renew }),
      timeoutMs: fetchTimeouts[options.type] ?? 10_000,
    });
  }
  switch (options.type) {
    case "api-key":
      return createApiKeyCredential({
        name,
        clock,
        logger: log,
        primary: secretSource(options.primary, needs),
        ...(options.secondary === undefined ? {} : { secondary: secretSource(options.secondary, needs) }),
        refreshMs: options.refreshSeconds * 1000,
      });
    case "none":
      return createNoCredential(name);
    case "aws":
    case "aws-bearer":
      return awsCredential(name, options, {
        clock,
        log,
        secret: (source) => secretSource(source, needs),
      });
  }
}

/** The named options that are there. */
function given<T extends object, Key extends keyof T>(
  options: T,
  keys: readonly Key[],
): { [K in Key]?: NonNullable<T[K]> } {
  return Object.fromEntries(
    keys.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  ) as { [K in Key]?: NonNullable<T[K]> };
}
