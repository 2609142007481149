import type { UsageReader } from "../model/usage.ts";
import { readBedrockJson } from "./bedrock-json.ts";
import { readBedrockEventStream } from "./event-stream.ts";

/** The reader for a good answer of Bedrock's native paths, by its content type; undefined for what none can read. */
export function readBedrockAnswer(headers: readonly string[]): UsageReader | undefined {
  let contentType = "";
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at]?.toLowerCase();
    // Nothing is decoded for the sake of a count.
    if (name === "content-encoding") return undefined;
    if (name === "content-type") contentType = headers[at + 1] ?? "";
  }
  const [type = ""] = contentType.toLowerCase().split(";", 1);
  if (type.trim() === "application/vnd.amazon.eventstream") return readBedrockEventStream();
  return readBedrockJson(headers);
}
