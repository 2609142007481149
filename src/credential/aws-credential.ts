import type { Clock } from "../kernel/clock.ts";
import { GatewayError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Fetched } from "../kernel/refreshing.ts";
import { type AwsKeys, checkAwsKeys, type FetchAwsKeys, type SignAwsRequest } from "./aws-keys.ts";
import { keepCredential } from "./kept-credential.ts";
import type { OutboundCredential } from "./outbound-credential.ts";
import { planToken, type TokenPlan } from "./token-plan.ts";

export interface AwsCredentialOptions {
  /** The credential's name in the configuration. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fetchKeys: FetchAwsKeys;
  readonly sign: SignAwsRequest;
  /** The signing name. Default `bedrock`. */
  readonly service?: string;
  /** Milliseconds for one fetch of the keys. */
  readonly timeoutMs?: number;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/**
 * Signs each request (Signature Version 4) with keys that are kept like any token: fetched once whoever asks, replaced
 * before they end, used while they are valid whatever their source does.
 */
export function createAwsCredential(options: AwsCredentialOptions): OutboundCredential {
  const { name, clock, logger, fetchKeys, sign, service = "bedrock", timeoutMs, random } = options;
  let plan: TokenPlan | undefined;

  const fetch = async (signal: AbortSignal): Promise<Fetched<AwsKeys>> => {
    const keys = checkAwsKeys(await fetchKeys(signal), clock.now());
    // Keys without an end are looked for again, since whoever rotates them says so nowhere.
    if (keys.expiresAt === undefined) return { value: keys };
    plan = planToken({ token: keys.accessKeyId, expiresOnTimestamp: keys.expiresAt }, clock.now(), plan);
    return { value: keys, expiresAt: plan.unusableAt, refreshAt: plan.refreshAt };
  };

  const kept = keepCredential<AwsKeys>({
    name,
    clock,
    logger,
    fetch,
    idOf: ({ accessKeyId }) => accessKeyId,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(random === undefined ? {} : { random }),
  });

  return {
    name,
    async headers(request, signal) {
      const { region } = request;
      // The configuration check forbids both; nothing leaves unsigned if it ever was wrong.
      if (region === undefined)
        throw new GatewayError(
          "internal_error",
          `credential ${name}: ${request.origin} has no region to sign for; AWS credentials belong to backends of kind bedrock`,
        );
      if (request.body === "unseen")
        throw new GatewayError(
          "internal_error",
          `credential ${name}: a body that is piped cannot be signed; AWS credentials belong to backends of kind bedrock`,
        );
      const keys = await kept.get(signal);
      return sign(request, keys, { region, service, now: clock.now() });
    },
    refused(headers) {
      const id = keyIdIn(headers);
      return id !== undefined && kept.refused(id);
    },
    state: () => kept.state(),
    start: () => kept.start(),
    stop: () => kept.stop(),
  };
}

/** The access key id of a signature. @param headers flat pairs */
function keyIdIn(headers: readonly string[]): string | undefined {
  for (let at = 0; at + 1 < headers.length; at += 2)
    if (headers[at]?.toLowerCase() === "authorization")
      return /Credential=([A-Za-z0-9_]+)\//.exec(headers[at + 1] ?? "")?.[1];
  return undefined;
}
