import type { fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import type { AwsKeys, FetchAwsKeys } from "../aws-keys.ts";
import type { SecretSource } from "../secret-source.ts";
import { explainAwsFault } from "./aws-fault.ts";

type Provider = () => ReturnType<ReturnType<typeof fromTemporaryCredentials>>;
type Identity = Awaited<ReturnType<Provider>>;

/** Where AWS keys come from. */
export type AwsKeyOrigin =
  /** Environment, shared files, SSO, web identity, container or instance metadata: whatever the host has. */
  | { readonly from: "default-chain" }
  | {
      readonly from: "keys";
      readonly accessKeyId: SecretSource;
      readonly secretAccessKey: SecretSource;
      readonly sessionToken?: SecretSource;
    }
  /** Of the shared files, by default `~/.aws/credentials` and `~/.aws/config`. */
  | {
      readonly from: "profile";
      readonly profile: string;
      readonly credentialsFile?: string;
      readonly configFile?: string;
    }
  | {
      readonly from: "web-identity";
      readonly roleArn: string;
      /** Read again for each session: it rotates. */
      readonly tokenFile: string;
      readonly sessionName: string;
    };

/** A role that is assumed with the keys of the origin. */
export interface AssumedRole {
  readonly roleArn: string;
  readonly externalId?: string;
  readonly sessionName: string;
  readonly durationSeconds?: number;
}

export interface AwsKeySourceOptions {
  readonly origin: AwsKeyOrigin;
  readonly assumeRole?: AssumedRole;
  /** Whom AssumeRole is asked of. Default: what the environment and the shared files say, and us-east-1. */
  readonly sts?: { readonly region?: string; readonly endpoint?: string };
}

/**
 * Fetches AWS keys, anew with each call: the SDK's own caches would hide a rotated file, and whoever keeps the keys
 * caches them anyway. Its retries are off for the same reason. The SDK is loaded with the first call.
 */
export function createAwsKeySource(options: AwsKeySourceOptions): FetchAwsKeys {
  const who = describeAwsKeys(options);
  return async (signal) => {
    try {
      return keysOf(await (await providerOf(options, signal))());
    } catch (fault) {
      throw explainAwsFault(fault, who);
    }
  };
}

/** For messages: nothing secret. */
function describeAwsKeys({ origin, assumeRole }: AwsKeySourceOptions): string {
  const base = {
    "default-chain": () => "AWS default chain",
    keys: () => "AWS access key",
    profile: () => `AWS profile ${origin.from === "profile" ? origin.profile : ""}`,
    "web-identity": () => `AWS web identity for ${origin.from === "web-identity" ? origin.roleArn : ""}`,
  }[origin.from]();
  return assumeRole === undefined ? base : `AWS role ${assumeRole.roleArn} with the ${base}`;
}

async function providerOf(
  { origin, assumeRole, sts = {} }: AwsKeySourceOptions,
  signal: AbortSignal,
): Promise<Provider> {
  const { fromIni, fromNodeProviderChain, fromTemporaryCredentials, fromTokenFile } =
    await import("@aws-sdk/credential-providers");
  const clientConfig = {
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 3000, requestTimeout: 8000 },
    ...(sts.region === undefined ? {} : { region: sts.region }),
    ...(sts.endpoint === undefined ? {} : { endpoint: sts.endpoint }),
  };

  const base = (): Provider => {
    switch (origin.from) {
      case "default-chain":
        return fromNodeProviderChain({ clientConfig, ignoreCache: true, maxRetries: 0 });
      case "keys":
        return () => readKeys(origin, signal);
      case "profile":
        return fromIni({
          profile: origin.profile,
          clientConfig,
          ignoreCache: true,
          ...(origin.credentialsFile === undefined ? {} : { filepath: origin.credentialsFile }),
          ...(origin.configFile === undefined ? {} : { configFilepath: origin.configFile }),
        });
      case "web-identity":
        return fromTokenFile({
          roleArn: origin.roleArn,
          webIdentityTokenFile: origin.tokenFile,
          roleSessionName: origin.sessionName,
          clientConfig,
        });
    }
  };
  if (assumeRole === undefined) return base();
  const { roleArn, externalId, sessionName, durationSeconds } = assumeRole;
  return fromTemporaryCredentials({
    masterCredentials: base(),
    params: {
      RoleArn: roleArn,
      RoleSessionName: sessionName,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
      ...(durationSeconds === undefined ? {} : { DurationSeconds: durationSeconds }),
    },
    clientConfig,
  });
}

async function readKeys(
  { accessKeyId, secretAccessKey, sessionToken }: Extract<AwsKeyOrigin, { from: "keys" }>,
  signal: AbortSignal,
): Promise<Identity> {
  const [id, secret, token] = await Promise.all([
    accessKeyId.read(signal),
    secretAccessKey.read(signal),
    sessionToken?.read(signal),
  ]);
  return {
    accessKeyId: id,
    secretAccessKey: secret,
    ...(token === undefined ? {} : { sessionToken: token }),
  };
}

function keysOf({ accessKeyId, secretAccessKey, sessionToken, expiration }: Identity): AwsKeys {
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(expiration === undefined ? {} : { expiresAt: expiration.getTime() }),
  };
}
