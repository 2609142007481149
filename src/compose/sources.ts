import { readFile } from "node:fs/promises";
import type {
  CertificateSource as CertificateSourceConfig,
  Config,
  CrlSource as CrlSourceConfig,
  ServerCertificateSource as ServerCertificateConfig,
} from "../config/schema.ts";
import type { Clock } from "../kernel/clock.ts";
import { GatewayError } from "../kernel/errors.ts";
import type { TokenSource } from "../model/token-source.ts";
import { fileCertificates } from "../trust/adapters/file-certificates.ts";
import { fileCrls } from "../trust/adapters/file-crls.ts";
import { fileServerCertificate } from "../trust/adapters/file-server-certificate.ts";
import { httpCrls } from "../trust/adapters/http-crls.ts";
import { keyVaultCertificate, keyVaultSecretCertificates } from "../trust/adapters/key-vault-certificates.ts";
import { createKeyVaultClient, type KeyVaultClient } from "../trust/adapters/key-vault-client.ts";
import { keyVaultServerCertificate } from "../trust/adapters/key-vault-server-certificate.ts";
import { createCrlReader, type CrlReader } from "../trust/crl-reader.ts";
import type { CertificateSource, CrlSource, ServerCertificateSource } from "../trust/ports.ts";
import { composeTokenSources } from "./credentials.ts";

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

/** @throws GatewayError `internal_error` when a CA file cannot be read */
export async function composeSources(config: Config, clock: Clock): Promise<Sources> {
  const vault = (name: string) => found(vaults, name, "key vault");
  const tokenSources = await composeTokenSources(config, { clock, vault, readCa });
  const tokens = (name: string) => found(tokenSources, name, "credential that gives tokens");

  const vaults = new Map<string, KeyVaultClient>();
  for (const [name, { url, credential, caFile, verifyChallengeResource }] of Object.entries(
    config.keyVaults,
  )) {
    const ca = await readCa(caFile);
    vaults.set(
      name,
      createKeyVaultClient({
        url,
        tokens: tokens(credential),
        clock,
        verifyChallengeResource,
        ...(ca === undefined ? {} : { ca }),
      }),
    );
  }
  const crlReader = createCrlReader({ clock });
  const points = config.trust.revocation.distributionPoints;

  return {
    tokens,
    vault,
    crlReader,
    certificates(source) {
      if ("file" in source) return fileCertificates(source.file);
      if ("secret" in source) return keyVaultSecretCertificates(vault(source.keyVault), source.secret);
      return keyVaultCertificate(vault(source.keyVault), source.certificate);
    },
    crls: (source) =>
      "file" in source ? fileCrls(source.file, crlReader) : httpCrls(source.url, { reader: crlReader }),
    distributionPoint: (url) =>
      httpCrls(url, {
        reader: crlReader,
        reach: points.allowPrivateAddresses ? "anywhere" : "public",
        timeoutMs: points.timeoutSeconds * 1000,
        maxBytes: points.maxBytes,
      }),
    serverCertificate(source) {
      if ("keyVault" in source) return keyVaultServerCertificate(vault(source.keyVault), source.certificate);
      const { file, keyFile } = source;
      return fileServerCertificate({ file, ...(keyFile === undefined ? {} : { keyFile }) });
    },
  };
}

/** PEM of a private CA, or undefined where none is configured. @throws GatewayError `internal_error` */
export async function readCa(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new GatewayError("internal_error", `CA file ${file} cannot be read`, { cause });
  }
}

/** The configuration check proves that every name is there; this fails closed if it ever was not. */
function found<T>(map: ReadonlyMap<string, T>, name: string, kind: string): T {
  const value = map.get(name);
  if (value === undefined) throw new GatewayError("internal_error", `there is no ${kind} called ${name}`);
  return value;
}
