import type { NamedObject } from "../model/object-kind.ts";
import { isDeploymentName } from "../model/deployment-name.ts";
import { allow, type Verdict } from "../model/verdict.ts";
import { BodyWalker } from "./body-walker.ts";
import type { Feature } from "./features.ts";
import { readJson, refuseBody } from "./read-json.ts";
import { shapes } from "./shapes/shapes.ts";

/** What one message of a client names. */
export interface FrameNames {
  /** `response.create`, `session.update` ... */
  readonly type: string;
  readonly deployments: readonly string[];
  readonly objects: readonly NamedObject[];
  /** The top-level `store`, where the message has one. */
  readonly store: boolean | undefined;
}

const nothing: ReadonlySet<Feature> = new Set();

/**
 * Reads one text message that a client sends in a WebSocket, with the same rules as a JSON body: the very bytes may be
 * forwarded once what they name is granted. Types that are not known pass when they name nothing.
 * @param kind `upgrade` of the operation that opened the WebSocket
 * @param drawsImages whether the head named a deployment that draws images
 */
export function readRealtimeFrame(
  text: string | Buffer,
  kind: "realtime" | "responses",
  { drawsImages = false, allows = nothing }: { drawsImages?: boolean; allows?: ReadonlySet<Feature> } = {},
): Verdict<FrameNames> {
  const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : text;
  const found = readJson(bytes, kind === "realtime" ? shapes.realtimeFrame : shapes.responsesFrame, {
    drawsImages,
    allows,
  });
  if (!(found instanceof BodyWalker)) return found;
  const { type, model } = found;
  if (type === undefined) return refuseBody("request_malformed", 'the message must say its "type"');
  if (kind === "responses" && type === "response.create" && model === undefined)
    return refuseBody("request_malformed", 'the message must name a deployment in "model"');
  if (model !== undefined && !isDeploymentName(model))
    return refuseBody("request_malformed", 'the message\'s "model" is not a deployment name');
  const deployments = [...new Set([...(model === undefined ? [] : [model]), ...found.deployments])];
  return allow({ type, deployments, objects: found.objects, store: found.store }, [
    { check: "frame", outcome: "pass", detail: `${deployments.length} deployments named` },
  ]);
}
