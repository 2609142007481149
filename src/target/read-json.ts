import { quoteInput } from "../model/quote-input.ts";
import { isDeploymentName } from "../model/deployment-name.ts";
import type { Denied } from "../model/verdict.ts";
import { deny } from "../model/verdict.ts";
import { BodyFault, BodyWalker } from "./body-walker.ts";
import { JsonFault, scanJsonObject } from "./json-scan.ts";
import type { BodyContext, BodyRefusal, Shape } from "./shapes/shape.ts";

/** Walks one JSON object and holds it against its shape: what it names, or why it may not pass. */
export function readJson(bytes: Buffer, shape: Shape, context: BodyContext): BodyWalker | Denied {
  const walker = new BodyWalker(bytes, shape, context);
  try {
    scanJsonObject(bytes, walker);
  } catch (error) {
    if (error instanceof JsonFault) return refuseBody("request_malformed", error.message);
    if (error instanceof BodyFault) return refuseBody(error.code, error.message);
    throw error;
  }
  return walker;
}

export const refuseBody = (code: BodyRefusal["code"], rule: string): Denied =>
  deny(code, `${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`, [
    { check: "body", outcome: "fail", detail: rule },
  ]);

/** Holds the `model` of a body against the place where the operation's deployment stands; the rule that it breaks. */
export function brokenModelRule(
  model: string | undefined,
  place: "body" | "optional" | "elsewhere",
  deployment: string | undefined,
): string | undefined {
  if (place === "elsewhere")
    // The classic paths ignore the body's model, and clients fill it with the deployment or leave it empty. A third
    // name would be harmless today, and a bypass on the day some backend prefers it.
    return model === undefined || model === "" || model === deployment
      ? undefined
      : `the body's "model" (${quoteInput(model)}) and the deployment in the path disagree; make them equal or leave "model" out`;
  if (model === undefined)
    return place === "optional" ? undefined : 'the body must name a deployment in "model"';
  return isDeploymentName(model)
    ? undefined
    : `the body's "model" is not a deployment name: ${quoteInput(model)}`;
}
