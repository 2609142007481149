import type {
  CertificateSource as CertificateSourceConfig,
  Config,
  CrlSource as CrlSourceConfig,
  ServerCertificateSource as ServerCertificateConfig,
} from "../config/schema.ts";
import type { Clock } from "../kernel/clock.ts";
import type { TokenSource } from "../model/token-source.ts";
import { fileCertificates } from "../trust/adapters/file-certificates.ts";
import { fileCrls } from "../trust/adapters/file-crls.ts";
import { fileServerCertificate } from "../trust/adapters/file-server-certificate.ts";
import { keyVaultCertificate, keyVaultSecretCertificates } from "../trust/adapters/key-vault-certificates.ts";
import type { KeyVaultClient } from "../trust/adapters/key-vault-client.ts";
import { keyVaultServerCertificate } from "../trust/adapters/key-vault-server-certificate.ts";
import { createCrlReader, type CrlReader } from "../trust/crl-reader.ts";
import type { CertificateSource, CrlSource, ServerCertificateSource } from "../trust/ports.ts";
import { composeOrigins, type Origins } from "./origins.ts";

/** Turns the names and sources of a configuration into adapters. */
export interface Sources {
  readonly certificates: (source: CertificateSourceConfig) => CertificateSource;
  readonly crls: (source: CrlSourceConfig) => CrlSource;
  /** The CRL at a URL that a certificate named. */
  readonly distributionPoint: (url: string) => CrlSource;
  /** Reads what `crls` give, large ones in a thread of its own. */
  readonly crlReader: CrlReader;
  readonly serverCertificate: (source: ServerCertificateConfig) => ServerCertificateSource;
  readonly tokens: (credential: string) => TokenSource;
  readonly vault: (name: string) => KeyVaultClient;
}

/**
 * @param origins in a worker: its supervisor. Default: the services themselves
 * @throws GatewayError `internal_error` when a CA file cannot be read
 */
export async function composeSources(config: Config, clock: Clock, origins?: Origins): Promise<Sources> {
  const crlReader = createCrlReader({ clock });
  const { tokens, vault, crls, distributionPoint } =
    origins ?? (await composeOrigins(config, clock, crlReader));
  return {
    tokens,
    vault,
    crlReader,
    distributionPoint,
    certificates(source) {
      if ("file" in source) return fileCertificates(source.file);
      if ("secret" in source) return keyVaultSecretCertificates(vault(source.keyVault), source.secret);
      return keyVaultCertificate(vault(source.keyVault), source.certificate);
    },
    crls: (source) => ("file" in source ? fileCrls(source.file, crlReader) : crls(source.url)),
    serverCertificate(source) {
      if ("keyVault" in source) return keyVaultServerCertificate(vault(source.keyVault), source.certificate);
      const { file, keyFile } = source;
      return fileServerCertificate({ file, ...(keyFile === undefined ? {} : { keyFile }) });
    },
  };
}
