import type { UsageReader } from "../model/usage.ts";
import { converseUsage, usageInHeaders } from "./bedrock-usage.ts";

/** Above any answer that is text; of a longer one the usage stays unknown, so that none is held. */
const longestAnswer = 1024 * 1024;

/**
 * Reads a whole answer of Bedrock's in JSON. Where its headers tell the usage, the body is not held at all.
 * @param headers flat raw pairs
 */
export function readBedrockJson(headers: readonly string[]): UsageReader {
  const told = usageInHeaders(headers);
  if (told !== undefined) return { push: () => {}, end: () => told };
  let chunks: Uint8Array[] | undefined = [];
  let length = 0;
  return {
    push(chunk) {
      length += chunk.length;
      if (length > longestAnswer) chunks = undefined;
      chunks?.push(chunk);
    },
    end() {
      if (chunks === undefined) return undefined;
      const text = Buffer.concat(chunks, length).toString("utf8");
      chunks = undefined;
      return converseUsage(parsed(text));
    },
  };
}

/** The JSON value, or undefined for what is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Who sent it is told by the client that cannot read it; here it only means that nothing is known.
    return undefined;
  }
}
