import { isDeploymentName } from "../model/deployment-name.ts";
import type { Target } from "../model/target.ts";
import { allow, deny } from "../model/verdict.ts";
import type { Verdict } from "../model/verdict.ts";
import type { RequestHead } from "./parse-head.ts";

/**
 * Reads the body of an operation whose head asked for it, and names the target.
 * Denies with `request_malformed`, or `deployment_not_permitted` for a second deployment.
 */
export function parseBody(head: RequestHead, body: Uint8Array): Verdict<Target> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    return deny("request_malformed", "The body must be one JSON object in UTF-8.");
  }
  const model = (value as { model?: unknown } | null)?.model;
  const deployment = head.deployment ?? model;
  if (typeof deployment !== "string" || !isDeploymentName(deployment))
    return deny("request_malformed", 'The body\'s "model" must name a deployment.');
  return allow({
    operation: head.operation.name,
    deployments: [deployment],
    path: head.path,
    query: head.query,
    stream: (value as { stream?: unknown }).stream === true,
  });
}
