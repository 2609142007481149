import { isDeploymentName } from "../model/deployment-name.ts";
import { quoteInput } from "../model/quote-input.ts";
import type { Target } from "../model/target.ts";
import { allow, deny } from "../model/verdict.ts";
import type { Denied, Verdict } from "../model/verdict.ts";
import { bodyShapes } from "./body-shapes.ts";
import { BodyFault, BodyWalker } from "./body-walker.ts";
import { JsonFault, scanJsonObject } from "./json-scan.ts";
import type { RequestHead } from "./parse-head.ts";

/**
 * Reads the body of an operation whose head asked for it, and names the target. When it allows, the very bytes may be
 * forwarded: each parser that reads them finds the deployment that the target names, and no other.
 * Denies with `request_malformed` (the detail says which rule), or `deployment_not_permitted` for what could name a
 * second deployment.
 * @throws TypeError for an operation without a body: its target comes from `targetOf`.
 */
export function parseBody(head: RequestHead, body: Uint8Array): Verdict<Target> {
  const { operation } = head;
  if (operation.body !== "json") throw new TypeError(`${operation.name}: it has no body to parse`);
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const walker = new BodyWalker(bytes, bodyShapes[operation.shape]);
  try {
    scanJsonObject(bytes, walker);
  } catch (error) {
    if (error instanceof JsonFault) return refuse("request_malformed", error.message);
    if (error instanceof BodyFault) return refuse(error.code, error.message);
    throw error;
  }
  const { model } = walker;
  if (operation.deployment === "body") {
    if (model === undefined) return refuse("request_malformed", 'the body must name a deployment in "model"');
    if (!isDeploymentName(model))
      return refuse("request_malformed", `the body's "model" is not a deployment name: ${quoteInput(model)}`);
  } else if (model !== undefined && model !== "" && model !== head.deployment) {
    // The classic paths ignore the body's model, and clients fill it with the deployment or leave it empty. A third
    // name would be harmless today, and a bypass on the day some backend prefers it.
    return refuse(
      "request_malformed",
      `the body's "model" (${quoteInput(model)}) and the deployment in the path disagree; make them equal or leave "model" out`,
    );
  }
  const deployment = head.deployment ?? model;
  return allow(
    {
      operation: operation.name,
      deployments: deployment === undefined ? [] : [deployment],
      path: head.path,
      query: head.query,
      stream: operation.streams === "body.stream" && walker.stream,
    },
    [
      {
        check: "target",
        outcome: "pass",
        detail: `${operation.name} names ${deployment ?? "no deployment"}`,
      },
    ],
  );
}

const refuse = (code: "request_malformed" | "deployment_not_permitted", rule: string): Denied =>
  deny(code, `${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`, [
    { check: "body", outcome: "fail", detail: rule },
  ]);
