import type { Target } from "../model/target.ts";
import { allow } from "../model/verdict.ts";
import type { TraceStep, Verdict } from "../model/verdict.ts";
import { BodyWalker } from "./body-walker.ts";
import type { DeploymentPlace } from "./operation.ts";
import { assembleTarget, type RequestHead } from "./parse-head.ts";
import { brokenModelRule, readJson, refuseBody } from "./read-json.ts";
import { shapes } from "./shapes/shapes.ts";

/**
 * Reads the body of an operation whose head asked for it, and names the target. When it allows, the very bytes may be
 * forwarded: each parser that reads them finds the deployments and objects that the target names, and no others.
 * Denies with `request_malformed` (the detail says which rule), `deployment_not_permitted` for what could name a
 * second deployment unseen, or `operation_not_permitted` for a feature that the operator did not switch on.
 * @throws TypeError for a body that is not JSON: its target comes from `targetOf` or `startMultipart`.
 */
export function parseBody(head: RequestHead, body: Uint8Array): Verdict<Target> {
  const { operation } = head;
  if (head.body !== "json") throw new TypeError(`${operation.name}: it has no JSON body to parse`);
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const found = readJson(bytes, shapes[operation.shape], {
    drawsImages: head.imageDeployment !== undefined,
    allows: head.allows,
  });
  if (!(found instanceof BodyWalker)) return found;
  const { model } = found;
  const rule = brokenModelRule(model, placeOf(operation.deployment), head.deployment);
  if (rule !== undefined) return refuseBody("request_malformed", rule);
  const named = model === undefined || model === "" || operation.deployment === "path" ? [] : [model];
  const target = assembleTarget(head, {
    deployments: found.deployments.length === 0 ? named : [...named, ...found.deployments],
    objects: found.objects,
    stream: found.stream,
    store: found.store,
  });
  return allow(target, [traceOf(target)]);
}

export const placeOf = (place: DeploymentPlace): "body" | "optional" | "elsewhere" =>
  place === "body" || place === "optional" ? place : "elsewhere";

/** What was found, for people. */
export const traceOf = ({ operation, deployments, objects }: Target): TraceStep => ({
  check: "target",
  outcome: "pass",
  detail: `${operation} names ${deployments.length === 0 ? "no deployment" : deployments.join(", ")}${
    objects.length === 0 ? "" : ` and ${objects.length} stored objects`
  }`,
});
