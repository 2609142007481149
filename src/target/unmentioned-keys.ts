import type { BodyRefusal } from "./shapes/shape.ts";

/**
 * Keys that no shape mentions are the services' next features. Most are harmless; those that could name a second
 * deployment or somebody's object are refused until the table knows them.
 */
const speaksOfModel = /model|deployment|engine/;
const speaksOfObject = /_ids?$/;
/** Of the cloud account: the backend reads it with the gateway's rights, not with the caller's. */
const speaksOfResource = /(?:^|_)arns?$|(?:^|_)s3_(?:location|uri)$|^guardrail_(?:identifier|config)$/;

/** Ids that point into the same request, or to something outside of the backend. */
const harmless: ReadonlySet<string> = new Set([
  "call_id",
  "tool_call_id",
  "tool_use_id",
  "approval_request_id",
  "connector_id",
]);

/** The commonest keys that say nothing of the kind: they are on every request's way, and need no regular expression. */
const innocent: ReadonlySet<string> = new Set(
  [
    ["role", "content", "text", "type", "name", "function", "properties", "required", "description"],
    ["temperature", "top_p", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "stop", "seed"],
    ["stream_options", "include_usage", "frequency_penalty", "presence_penalty", "user", "instructions"],
    ["tool_choice", "parallel_tool_calls", "reasoning", "reasoning_effort", "image_url", "url", "detail"],
  ].flat(),
);
export const isInnocentKey = (name: string): boolean => innocent.has(name);

/** @returns why the key may only be null, or undefined. */
export function unmentionedKey(name: string): BodyRefusal | undefined {
  if (speaksOfModel.test(name))
    return {
      code: "deployment_not_permitted",
      why: "can name a second model or deployment: not supported yet",
    };
  if (speaksOfObject.test(name) && !harmless.has(name))
    return {
      code: "request_malformed",
      why: "can name a stored object, and the gateway cannot tell yet to whom it belongs: not supported yet",
    };
  if (speaksOfResource.test(name))
    return {
      code: "request_malformed",
      why: "can name a resource that would be reached with the gateway's rights: not supported yet",
    };
  return undefined;
}

/**
 * The key as the laxest parser may read it: case-insensitive ones exist for Go and .NET (Go folds U+017F to s and U+212A
 * to k), and camelCase maps to snake_case.
 */
export const foldKey = (name: string): string =>
  /^[a-z0-9_]*$/.test(name)
    ? name
    : name
        .normalize("NFKC")
        .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
        .toLowerCase();
