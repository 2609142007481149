import type { Config } from "../config/schema.ts";
import { GatewayError } from "../kernel/errors.ts";
import type { AccessToken } from "../model/token-source.ts";
import type { KeyVaultClient, VaultSecret } from "../trust/adapters/key-vault-client.ts";
import type { CrlSource } from "../trust/ports.ts";
import type { Origins } from "./origins.ts";

/** What a worker asks its supervisor for: names of the configuration that both have. */
export type OriginQuestion =
  | {
      readonly kind: "token";
      readonly credential: string;
      readonly scopes: string | readonly string[];
      readonly renew: boolean;
    }
  | { readonly kind: "certificate" | "secret"; readonly vault: string; readonly name: string }
  | {
      readonly kind: "crls" | "distribution point";
      readonly url: string;
      /** The version that the worker has: it is not sent once more. */
      readonly known: string | undefined;
    };

/** A question as it travels, with the fingerprint of the configuration whose names it uses. */
export interface FromWorker {
  readonly version: string;
  readonly question: OriginQuestion;
}

/** Without CRLs: those of the version that the worker said it has. */
export interface CrlsAnswer {
  readonly version: string;
  readonly crls?: readonly Uint8Array[];
}

export type AskSupervisor = (question: OriginQuestion, signal?: AbortSignal) => Promise<unknown>;

/**
 * The origins of a worker: each question goes to the supervisor, which asks the service once for all workers. What the
 * service's fault says arrives as it was; a supervisor that is gone is a failing source like any other.
 */
export function workerOrigins(config: Config, ask: AskSupervisor): Origins {
  return {
    tokens: (credential) => ({
      getToken: async (scopes, { abortSignal, renew = false } = {}) =>
        (await ask({ kind: "token", credential, scopes, renew }, abortSignal)) as AccessToken | null,
    }),
    vault: (vault) => vaultBehind(config, ask, vault),
    crls: (url) => crlsBehind(ask, "crls", url),
    distributionPoint: (url) => crlsBehind(ask, "distribution point", url),
  };
}

function vaultBehind(config: Config, ask: AskSupervisor, vault: string): KeyVaultClient {
  const url = config.keyVaults[vault]?.url;
  if (url === undefined) throw new GatewayError("internal_error", `there is no key vault called ${vault}`);
  return {
    url,
    certificate: async (name, signal) =>
      (await ask({ kind: "certificate", vault, name }, signal)) as Uint8Array,
    secret: async (name, signal) => (await ask({ kind: "secret", vault, name }, signal)) as VaultSecret,
  };
}

function crlsBehind(ask: AskSupervisor, kind: "crls" | "distribution point", url: string): CrlSource {
  let held: Required<CrlsAnswer> | undefined;
  return {
    name: `url ${url}`,
    async fetch(signal) {
      const { version, crls } = (await ask({ kind, url, known: held?.version }, signal)) as CrlsAnswer;
      if (crls !== undefined) held = { version, crls };
      if (held?.version !== version)
        throw new GatewayError("revocation_unavailable", `url ${url}: an answer without CRLs`);
      return held.crls;
    },
  };
}
