/** What an answer cost, in the backend's own count. */
export interface Usage {
  /** Tokens of the question, those that a cache gave back included. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of `inputTokens`, those that a cache gave back; absent where the backend does not say. */
  readonly cachedInputTokens?: number;
}

/** Reads the usage out of an answer while it passes. Never holds it up, never changes it, never throws. */
export interface UsageReader {
  /** The next piece of the answer's body, cut anywhere. */
  push(chunk: Uint8Array): void;
  /** The answer is over. @returns undefined where it did not say, or was not what it claimed to be */
  end(): Usage | undefined;
}

/** A count as it stands in JSON or in a header; undefined for anything that is none. */
export function tokenCount(value: unknown): number | undefined {
  const number = typeof value === "string" && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
