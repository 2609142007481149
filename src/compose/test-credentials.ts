import type { Config } from "../config/schema.ts";
import {
  type CredentialConfig,
  isTokenCredential,
  type TokenCredentialConfig,
} from "../config/credential-schema.ts";
import type { SecretSourceConfig } from "../config/secret-source-schema.ts";
import { readTokenClaims } from "../credential/token-claims.ts";
import type { Clock } from "../kernel/clock.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import { redactText } from "../kernel/redact.ts";
import { createCrlReader } from "../trust/crl-reader.ts";
import { testAwsCredential } from "./aws-credentials.ts";
import { type CredentialNeeds, scopeOf, secretSource } from "./credentials.ts";
import { composeOrigins, type Origins, readCa } from "./origins.ts";

/** What became of one credential. */
export interface CredentialReport {
  readonly name: string;
  readonly type: CredentialConfig["type"];
  readonly ok: boolean;
  /** What was found, by the name of each thing; never a token or a key. */
  readonly facts: Readonly<Record<string, string>>;
  /** Why not, and what to do: one sentence, of which the end may be a command to type. */
  readonly problem?: string;
  /** What was seen, where that says more. */
  readonly seen?: string;
}

type Facts = Readonly<Record<string, string>>;

/** Longer than any of the ways may take by itself. */
const longestMs = 40_000;

/** Fetches what each credential gives, now, as `serve` would. */
export async function testCredentials(
  config: Config,
  names: readonly string[],
  clock: Clock,
): Promise<CredentialReport[]> {
  const origins = await composeOrigins(config, clock, createCrlReader({ clock }));
  return Promise.all(
    names.flatMap((name) => {
      const options = config.credentials[name];
      return options === undefined ? [] : [testOne(config, name, options, origins, clock)];
    }),
  );
}

async function testOne(
  config: Config,
  name: string,
  options: CredentialConfig,
  origins: Origins,
  clock: Clock,
): Promise<CredentialReport> {
  const { type } = options;
  try {
    return { name, type, ok: true, facts: await factsOf(config, name, options, origins, clock) };
  } catch (fault) {
    return { name, type, ok: false, facts: {}, ...problemOf(fault) };
  }
}

function problemOf(fault: unknown): Pick<CredentialReport, "problem" | "seen"> {
  const told = (of: unknown) => redactText(describeFault(of));
  const [own, cause] = fault instanceof GatewayError ? [fault.message, fault.cause] : [fault, undefined];
  return { problem: told(own), ...(cause === undefined ? {} : { seen: told(cause) }) };
}

async function factsOf(
  config: Config,
  name: string,
  options: CredentialConfig,
  origins: Origins,
  clock: Clock,
): Promise<Facts> {
  const signal = AbortSignal.timeout(longestMs);
  const needs: CredentialNeeds = { clock, readCa, vault: origins.vault };
  if (isTokenCredential(options)) return tokenFacts(config, name, options, origins, signal);
  switch (options.type) {
    case "api-key":
      return {
        primary: await keyFact(options.primary, needs, signal),
        ...(options.secondary === undefined
          ? {}
          : { secondary: await keyFact(options.secondary, needs, signal) }),
      };
    case "aws-bearer":
      return { key: await keyFact(options.key, needs, signal) };
    case "aws": {
      const secret = (source: SecretSourceConfig) => secretSource(source, needs);
      const { keyEnding, expiresAt, ...caller } = await testAwsCredential(options, { clock, secret }, signal);
      return {
        ...caller,
        accessKeyId: `ends with ${keyEnding}`,
        ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
      };
    }
    case "none":
      return { note: "nothing is sent" };
  }
}

async function tokenFacts(
  config: Config,
  name: string,
  options: TokenCredentialConfig,
  { tokens }: Origins,
  abortSignal: AbortSignal,
): Promise<Facts> {
  const scope = scopeInUse(config, name, options);
  const token = await tokens(name).getToken(scope, { abortSignal });
  if (token === null || token.token === "") throw new Error("the issuer's answer holds no token");
  const claims = readTokenClaims(token.token);
  return {
    scope,
    ...(claims === undefined
      ? { note: "the token is not a JWT, so its claims cannot be shown" }
      : { ...claims }),
    expiresAt: new Date(token.expiresOnTimestamp).toISOString(),
  };
}

/** A credential that only opens vaults may have no right to anything else. */
function scopeInUse(config: Config, name: string, options: TokenCredentialConfig): string {
  const usedBy = (users: Readonly<Record<string, { readonly credential: string }>>) =>
    Object.values(users).some(({ credential }) => credential === name);
  if (usedBy(config.backends) || !usedBy(config.keyVaults)) return scopeOf(options);
  return vaultScopes[typeof options.cloud === "string" ? options.cloud : "public"];
}

const vaultScopes = {
  public: "https://vault.azure.net/.default",
  "us-government": "https://vault.usgovcloudapi.net/.default",
  china: "https://vault.azure.cn/.default",
} as const;

async function keyFact(
  config: SecretSourceConfig,
  needs: CredentialNeeds,
  signal: AbortSignal,
): Promise<string> {
  const source = secretSource(config, needs);
  const { length } = await source.read(signal);
  // Enough to see that a whole key is there and not a placeholder.
  const size =
    length < 16 ? "under 16 characters" : length < 64 ? "16 to 63 characters" : "64 characters or more";
  return `from ${source.name}, ${size}`;
}
