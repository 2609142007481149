import { type Clock, systemClock } from "../../kernel/clock.ts";
import { AccessTokens } from "./access-tokens.ts";
import {
  type LocalKeyVault,
  startKeyVault,
  type VaultCertificate,
  type VaultSecret,
} from "./key-vault/server.ts";
import type { TlsFiles } from "./listen.ts";
import {
  type LocalManagedIdentity,
  startManagedIdentity,
  type UserAssignedIdentity,
} from "./managed-identity.ts";
import { type LocalOpenAi, startOpenAi } from "./openai/server.ts";

export interface LocalAzureOptions {
  /** For the vault and OpenAI; the certificate must name localhost. */
  readonly tls: TlsFiles;
  /** Deployment to model. */
  readonly deployments: Readonly<Record<string, string>>;
  /** Each 0 or absent: any free port. */
  readonly ports?: {
    readonly keyVault?: number;
    readonly managedIdentity?: number;
    readonly openAi?: number;
  };
  readonly vaultContents?: {
    readonly certificates?: Readonly<Record<string, VaultCertificate>>;
    readonly secrets?: Readonly<Record<string, VaultSecret>>;
  };
  readonly userAssigned?: readonly UserAssignedIdentity[];
  readonly tokenLifetimeSeconds?: number;
  readonly clock?: Clock;
}

/** The three services of Azure that the gateway needs, on loopback. */
export interface LocalAzure {
  readonly keyVault: LocalKeyVault;
  readonly managedIdentity: LocalManagedIdentity;
  readonly openAi: LocalOpenAi;
  /** The tokens that are out; `revokeAll` makes every one of them worthless. */
  readonly tokens: AccessTokens;
  stop(): Promise<void>;
}

/**
 * Starts all three, or none.
 * @throws Error naming the service and the port that is taken.
 */
export async function startLocalAzure(options: LocalAzureOptions): Promise<LocalAzure> {
  const { tls, deployments, ports = {}, vaultContents = {}, clock = systemClock } = options;
  const { tokenLifetimeSeconds, userAssigned } = options;
  const tokens = new AccessTokens(clock);
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(stops.map((one) => one()));
  };
  try {
    const managedIdentity = await startManagedIdentity({
      tokens,
      port: ports.managedIdentity ?? 0,
      ...(tokenLifetimeSeconds === undefined ? {} : { tokenLifetimeSeconds }),
      ...(userAssigned === undefined ? {} : { userAssigned }),
    });
    stops.push(() => managedIdentity.stop());
    const keyVault = await startKeyVault({ tls, tokens, clock, port: ports.keyVault ?? 0 });
    stops.push(() => keyVault.stop());
    for (const [name, certificate] of Object.entries(vaultContents.certificates ?? {}))
      keyVault.contents.setCertificate(name, certificate);
    for (const [name, secret] of Object.entries(vaultContents.secrets ?? {}))
      keyVault.contents.setSecret(name, secret);
    const openAi = await startOpenAi({ tls, tokens, deployments, clock, port: ports.openAi ?? 0 });
    stops.push(() => openAi.stop());
    return { keyVault, managedIdentity, openAi, tokens, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
