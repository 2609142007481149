import { tokenCount, type Usage } from "../model/usage.ts";

/**
 * The `usage` of Converse, whole or in its `metadata` event. Bedrock's `inputTokens` leaves out what came from a cache
 * or went into one: those are counted beside it.
 */
export function converseUsage(answer: unknown): Usage | undefined {
  const usage = member(answer, "usage");
  return usageOf(
    tokenCount(member(usage, "inputTokens")),
    tokenCount(member(usage, "outputTokens")),
    tokenCount(member(usage, "cacheReadInputTokens")),
    tokenCount(member(usage, "cacheWriteInputTokens")),
  );
}

/** What the last piece of an InvokeModel stream says, whichever the model. */
export function invocationUsage(piece: unknown): Usage | undefined {
  const metrics = member(piece, "amazon-bedrock-invocationMetrics");
  return usageOf(
    tokenCount(member(metrics, "inputTokenCount")),
    tokenCount(member(metrics, "outputTokenCount")),
    tokenCount(member(metrics, "cacheReadInputTokenCount")),
    tokenCount(member(metrics, "cacheWriteInputTokenCount")),
  );
}

/** What the headers of an InvokeModel answer say. @param headers flat raw pairs */
export function usageInHeaders(headers: readonly string[]): Usage | undefined {
  const value = (name: string): number | undefined => {
    for (let at = 0; at + 1 < headers.length; at += 2)
      if (headers[at]?.toLowerCase() === `x-amzn-bedrock-${name}`) return tokenCount(headers[at + 1]);
    return undefined;
  };
  return usageOf(
    value("input-token-count"),
    value("output-token-count"),
    value("cache-read-input-token-count"),
    value("cache-write-input-token-count"),
  );
}

/** Embeddings have no output: one of the two counts is enough. */
function usageOf(
  input: number | undefined,
  output: number | undefined,
  cacheRead: number | undefined,
  cacheWrite: number | undefined,
): Usage | undefined {
  if (input === undefined && output === undefined) return undefined;
  return {
    inputTokens: (input ?? 0) + (cacheRead ?? 0) + (cacheWrite ?? 0),
    outputTokens: output ?? 0,
    ...(cacheRead === undefined ? {} : { cachedInputTokens: cacheRead }),
  };
}

/** An object's own member; undefined for everything that has none. */
export const member = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
