import type { AwsBearerConfig, AwsCredentialConfig } from "../config/aws-credential-schema.ts";
import type { SecretSourceConfig } from "../config/secret-source-schema.ts";
import { type AwsCaller, readAwsCaller } from "../credential/adapters/aws-caller.ts";
import { type AwsKeySourceOptions, createAwsKeySource } from "../credential/adapters/aws-key-source.ts";
import { signAwsRequest } from "../credential/adapters/aws-signature.ts";
import { createAwsBearer } from "../credential/aws-bearer.ts";
import { createAwsCredential } from "../credential/aws-credential.ts";
import { checkAwsKeys } from "../credential/aws-keys.ts";
import type { OutboundCredential } from "../credential/outbound-credential.ts";
import type { SecretSource } from "../credential/secret-source.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/logger.ts";

export interface AwsNeeds {
  readonly clock: Clock;
  readonly log: Logger;
  readonly secret: (source: SecretSourceConfig) => SecretSource;
}

export function awsCredential(
  name: string,
  options: AwsCredentialConfig | AwsBearerConfig,
  { clock, log, secret }: AwsNeeds,
): OutboundCredential {
  if (options.type === "aws-bearer")
    return createAwsBearer({
      name,
      clock,
      logger: log,
      key: secret(options.key),
      intervalMs: options.refreshSeconds * 1000,
    });
  return createAwsCredential({
    name,
    clock,
    logger: log,
    fetchKeys: createAwsKeySource(keySource(options, secret)),
    sign: signAwsRequest,
    // A default chain asks one source after the other.
    timeoutMs: 20_000,
  });
}

/** For `certgate credential test`: whom AWS takes the gateway for, and until when. Never a secret. */
export interface AwsCredentialReport extends AwsCaller {
  /** The last four characters of the access key's id. */
  readonly keyEnding: string;
  /** Epoch ms; undefined for a key that has no end. */
  readonly expiresAt: number | undefined;
}

/** Fetches keys now and asks STS whose they are. @throws GatewayError with a sentence that says what to do */
export async function testAwsCredential(
  options: AwsCredentialConfig,
  { clock, secret }: Pick<AwsNeeds, "clock" | "secret">,
  signal: AbortSignal,
): Promise<AwsCredentialReport> {
  const keys = checkAwsKeys(await createAwsKeySource(keySource(options, secret))(signal), clock.now());
  const caller = await readAwsCaller(keys, {
    ...(options.stsRegion === undefined ? {} : { region: options.stsRegion }),
    ...(options.stsEndpoint === undefined ? {} : { endpoint: options.stsEndpoint }),
    now: clock.now(),
  });
  return { ...caller, keyEnding: keys.accessKeyId.slice(-4), expiresAt: keys.expiresAt };
}

function keySource(options: AwsCredentialConfig, secret: AwsNeeds["secret"]): AwsKeySourceOptions {
  const { assumeRole, stsRegion, stsEndpoint } = options;
  return {
    origin: keyOrigin(options, secret),
    sts: {
      ...(stsRegion === undefined ? {} : { region: stsRegion }),
      ...(stsEndpoint === undefined ? {} : { endpoint: stsEndpoint }),
    },
    ...(assumeRole === undefined ? {} : { assumeRole: defined(assumeRole) }),
  };
}

function keyOrigin(
  { keys, profile, credentialsFile, configFile, webIdentity }: AwsCredentialConfig,
  secret: AwsNeeds["secret"],
): AwsKeySourceOptions["origin"] {
  if (keys !== undefined) {
    const { accessKeyId, secretAccessKey, sessionToken } = keys;
    return {
      from: "keys",
      accessKeyId: secret(accessKeyId),
      secretAccessKey: secret(secretAccessKey),
      ...(sessionToken === undefined ? {} : { sessionToken: secret(sessionToken) }),
    };
  }
  if (webIdentity !== undefined) return { from: "web-identity", ...webIdentity };
  if (profile !== undefined)
    return {
      from: "profile",
      profile,
      ...(credentialsFile === undefined ? {} : { credentialsFile }),
      ...(configFile === undefined ? {} : { configFile }),
    };
  return { from: "default-chain" };
}

/** The same without what is undefined. */
const defined = <T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
