import type { Operation } from "../operation.ts";
import { on, post } from "./surfaces.ts";

const answers = { retryable: true } as const;
const streams = { retryable: true, streams: "always" } as const;

/**
 * Bedrock's own paths: the deployment stands where the AWS clients put the model id. Its OpenAI-compatible endpoint has
 * the rows of Azure's v1.
 */
// prettier-ignore
export const bedrock: readonly Operation[] = on(["bedrock"], "inference", [
  post("bedrock-converse", "converse", { ...answers, shape: "converse" }),
  post("bedrock-converse-stream", "converse-stream", { ...streams, shape: "converse" }),
  post("bedrock-invoke", "invoke", { ...answers, shape: "invokeModel" }),
  post("bedrock-invoke-stream", "invoke-with-response-stream", { ...streams, shape: "invokeModel" }),
  post("bedrock-count-tokens", "count-tokens", { ...answers, shape: "countTokens" }),
]);
