/**
 * What is understood but denied unless the operator switches it on, because the gateway cannot see all that it reaches:
 * `data-sources`: searches that the backend makes with its own identity, and their embedding deployment.
 * `background-responses`: responses that go on when their caller has gone, or was revoked.
 * `uninspected-batches`: batch input that does not come through the gateway line by line (blobs, uploads in parts).
 * `guardrails`: the guardrail of Bedrock that the caller names is applied, whichever of the account it is.
 */
export const features = [
  "data-sources",
  "background-responses",
  "uninspected-batches",
  "guardrails",
] as const;

export type Feature = (typeof features)[number];
