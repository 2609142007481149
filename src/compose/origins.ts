import { readFile } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../kernel/clock.ts";
import { GatewayError } from "../kernel/errors.ts";
import type { TokenSource } from "../model/token-source.ts";
import { httpCrls } from "../trust/adapters/http-crls.ts";
import { createKeyVaultClient, type KeyVaultClient } from "../trust/adapters/key-vault-client.ts";
import type { CrlReader } from "../trust/crl-reader.ts";
import type { CrlSource } from "../trust/ports.ts";
import { composeTokenSources } from "./credentials.ts";

/**
 * Everything that is fetched from somebody else's service. Files are not here: reading one more often costs nobody
 * anything. In a worker these ask its supervisor (`worker-origins.ts`), so that a service hears of each gateway once.
 */
export interface Origins {
  readonly tokens: (credential: string) => TokenSource;
  readonly vault: (name: string) => KeyVaultClient;
  /** The CRLs at a URL of the configuration. */
  readonly crls: (url: string) => CrlSource;
  /** The CRL at a URL that a certificate named. */
  readonly distributionPoint: (url: string) => CrlSource;
}

/** What origins are made from. */
export type OriginsConfig = Pick<Config, "credentials" | "keyVaults" | "trust">;

/** The services themselves. @throws GatewayError `internal_error` when a CA file cannot be read */
export async function composeOrigins(
  config: OriginsConfig,
  clock: Clock,
  crlReader: CrlReader,
): Promise<Origins> {
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
  const points = config.trust.revocation.distributionPoints;

  return {
    tokens,
    vault,
    crls: (url) => httpCrls(url, { reader: crlReader }),
    distributionPoint: (url) =>
      httpCrls(url, {
        reader: crlReader,
        reach: points.allowPrivateAddresses ? "anywhere" : "public",
        timeoutMs: points.timeoutSeconds * 1000,
        maxBytes: points.maxBytes,
      }),
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
