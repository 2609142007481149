import { passedHeaders } from "./passed-headers.ts";

/**
 * What a client may say to a backend through its headers: an allow-list, because a header that we do
 * not know may name a deployment, an identity or a route (`x-ms-oai-image-generation-deployment`, `api-key`,
 * `x-original-url`). What is not here is not forwarded: not `idempotency-key` either, because all clients are one to the
 * backend, and who guesses another's key would be given that one's answer.
 */
const forwarded: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "content-type",
  "openai-beta",
  "traceparent",
  "tracestate",
  "user-agent",
  "x-amzn-bedrock-accept",
  "x-amzn-bedrock-performanceconfig-latency",
  "x-amzn-bedrock-request-metadata",
  "x-amzn-bedrock-service-tier",
  "x-client-request-id",
  "x-ms-client-request-id",
  "x-ms-useragent",
  "x-request-id",
]);

/** Prefixes of telemetry that official clients send and no backend acts on. */
const forwardedPrefix = "x-stainless-";

// RFC 9110 7.6.1: what is meant for all recipients of the content is no connection option. Without its type the
// backend could read a body as something else than what was authorised.
const fromClient = passedHeaders(
  (name) => forwarded.has(name) || name.startsWith(forwardedPrefix),
  "content-type",
);

/**
 * The headers of a request to a backend, but for its credential: the allowed ones of the client, then ours. Framing and `host` are set by
 * the forwarder; `accept-encoding` is left out, so answers come back as they are and can be read.
 * @param client flat raw pairs as received
 * @param requestId the gateway's id for this exchange
 */
export function requestHeaders(client: readonly string[], requestId: string): string[] {
  const headers = fromClient(client);
  headers.push("x-certgate-request-id", requestId);
  return headers;
}
