import type { KeyObject } from "node:crypto";

/** A federated identity credential: whose tokens stand for the app. */
export interface FederatedCredential {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
  /** What its issuer publishes. */
  readonly key: KeyObject;
}

/** An app registration. Its lists may be changed while the service runs. */
export interface AppRegistration {
  readonly clientId: string;
  /** Of its service principal. */
  readonly objectId: string;
  secrets: readonly string[];
  /** Values that were good once. */
  expiredSecrets?: readonly string[];
  /** PEM. */
  certificates: readonly string[];
  /** For `sendCertificateChain`: any certificate of that subject from that CA. */
  trustedSubject?: { readonly subject: string; readonly caPem: string };
  federated: readonly FederatedCredential[];
}

/** A refusal in Entra's words. */
export interface Refusal {
  readonly status: 400 | 401;
  readonly error: string;
  readonly code: number;
  readonly sentence: string;
}

export const refuse = (
  code: number,
  sentence: string,
  error = "invalid_client",
  status: Refusal["status"] = 401,
): Refusal => ({ status, error, code, sentence });
