import { getCACertificates } from "node:tls";
import type { CertificateClient } from "@azure/keyvault-certificates";
import type { SecretClient } from "@azure/keyvault-secrets";
import type { Clock } from "../../kernel/clock.ts";
import type { TokenSource } from "../../model/token-source.ts";
import { explainVaultFault, unusableVaultItem } from "./key-vault-fault.ts";

export interface KeyVaultOptions {
  /** `https://NAME.vault.azure.net` */
  readonly url: string;
  readonly tokens: TokenSource;
  readonly clock: Clock;
  /** PEM of a private CA for the vault's TLS certificate, beside the usual roots. */
  readonly ca?: string;
  /** Default true. Off only where the vault's host is not below its resource's host, as with a local vault. */
  readonly verifyChallengeResource?: boolean;
}

/** A secret as it is used: enabled, and within its dates. */
export interface VaultSecret {
  readonly value: string;
  /** e.g. `application/x-pkcs12`, `application/x-pem-file`; whatever its writer put there. */
  readonly contentType: string | undefined;
}

/**
 * The newest version of an item, always: an id with a version would never see a rotation.
 * Both throw GatewayError `trust_unavailable` with a sentence that says what to do.
 */
export interface KeyVaultClient {
  readonly url: string;
  /** DER of a Key Vault certificate; the leaf only, as the vault gives it. */
  certificate(name: string, signal: AbortSignal): Promise<Uint8Array>;
  secret(name: string, signal: AbortSignal): Promise<VaultSecret>;
}

/** Opens nothing yet: the SDKs are loaded with the first use. One client a vault, so that its token is shared. */
export function createKeyVaultClient(options: KeyVaultOptions): KeyVaultClient {
  const { url, tokens, clock } = options;
  const settings = {
    disableChallengeResourceVerification: options.verifyChallengeResource === false,
    // The store retries, with backoff. The SDK's retries would obey any Retry-After and hide the reason for minutes.
    retryOptions: { maxRetries: 0 },
    // A poll every few minutes finds a kept connection dead more often than alive.
    keepAliveOptions: { enable: false },
    ...(options.ca === undefined
      ? {}
      : { tlsOptions: { ca: [...getCACertificates("default"), options.ca] } }),
  };
  let certificates: CertificateClient | undefined;
  let secrets: SecretClient | undefined;

  return {
    url,
    async certificate(name, signal) {
      const item = `certificate ${name} in ${url}`;
      try {
        const { CertificateClient } = await import("@azure/keyvault-certificates");
        certificates ??= new CertificateClient(url, tokens, settings);
        const { cer, properties } = await certificates.getCertificate(name, { abortSignal: signal });
        refuseUnusable(item, properties, clock.now());
        if (cer === undefined || cer.length === 0) throw unusableVaultItem(item, "has no certificate in it");
        return cer;
      } catch (fault) {
        throw explainVaultFault(fault, item);
      }
    },
    async secret(name, signal) {
      const item = `secret ${name} in ${url}`;
      try {
        const { SecretClient } = await import("@azure/keyvault-secrets");
        secrets ??= new SecretClient(url, tokens, settings);
        const { value, properties } = await secrets.getSecret(name, { abortSignal: signal });
        refuseUnusable(item, properties, clock.now());
        if (value === undefined || value === "") throw unusableVaultItem(item, "is empty");
        return { value, contentType: properties.contentType };
      } catch (fault) {
        throw explainVaultFault(fault, item);
      }
    },
  };
}

interface VaultDates {
  readonly enabled?: boolean;
  readonly notBefore?: Date;
  readonly expiresOn?: Date;
}

/** The vault still serves an expired item: its dates are for whoever reads it (and somebody meant them). */
function refuseUnusable(item: string, { enabled, notBefore, expiresOn }: VaultDates, now: number): void {
  if (enabled === false) throw unusableVaultItem(item, "is disabled; enable it, or name another");
  if (notBefore !== undefined && now < notBefore.getTime())
    throw unusableVaultItem(item, `is not valid before ${notBefore.toISOString()}`);
  if (expiresOn !== undefined && now >= expiresOn.getTime())
    throw unusableVaultItem(item, `expired at ${expiresOn.toISOString()}; put a new version into the vault`);
}
