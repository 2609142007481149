import type { RequestToAuthenticate } from "./outbound-credential.ts";

/** What AWS requests are signed with. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary keys only. */
  readonly sessionToken?: string;
  /** Epoch ms from which AWS does not take them any more; absent for keys that have no end. */
  readonly expiresAt?: number;
}

/** @throws GatewayError `credential_unavailable` with a sentence that says what to do */
export type FetchAwsKeys = (signal: AbortSignal) => Promise<AwsKeys>;

/** What a signature is good for. */
export interface AwsScope {
  readonly region: string;
  /** The signing name, which is not always the host's: of Bedrock's runtime `bedrock`. */
  readonly service: string;
  /** Epoch ms of the signature. AWS takes it for five minutes. */
  readonly now: number;
}

/** Signs a request as it will stand on the wire. @returns the headers to add, as flat pairs */
export type SignAwsRequest = (
  request: RequestToAuthenticate,
  keys: AwsKeys,
  scope: AwsScope,
) => Promise<readonly string[]>;

const keyIdPattern = /^[A-Za-z0-9_]{16,128}$/;
/** Visible ASCII: what a header may carry. */
const headerSafe = /^[\x21-\x7e]+$/;

/**
 * Holds what a source gave against what AWS gives.
 * @throws Error that says what is wrong, and shows nothing of the keys
 */
export function checkAwsKeys(keys: AwsKeys, now: number): AwsKeys {
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = keys;
  if (!keyIdPattern.test(accessKeyId)) throw new Error("the access key id is not one of AWS's");
  if (!headerSafe.test(secretAccessKey))
    throw new Error("the secret access key is empty or not one of AWS's");
  if (sessionToken !== undefined && !headerSafe.test(sessionToken))
    throw new Error("the session token is empty or not one of AWS's");
  if (expiresAt !== undefined && !Number.isFinite(expiresAt))
    throw new Error("the answer does not say when the keys expire");
  if (expiresAt !== undefined && expiresAt <= now)
    throw new Error(
      `the keys expired at ${new Date(expiresAt).toISOString()}; is this machine's clock right?`,
    );
  return keys;
}
