import type { Target } from "../model/target.ts";
import { allow, type Verdict } from "../model/verdict.ts";
import { assembleTarget, type RequestHead } from "./parse-head.ts";
import { readRealtimeFrame } from "./realtime-frame.ts";

/**
 * Reads one text message of a client into a target of its own, so that it is granted as a request would be. It names
 * what the upgrade named (the session's deployment, the one that draws images) and what it says itself.
 * @param head of the upgrade that opened the WebSocket
 * @throws TypeError for the head of an operation that opens none
 */
export function readFrameTarget(head: RequestHead, message: Buffer): Verdict<Target> {
  const { upgrade } = head.operation;
  if (upgrade === undefined) throw new TypeError(`${head.operation.name}: it opens no WebSocket`);
  const frame = readRealtimeFrame(message, upgrade, {
    drawsImages: head.imageDeployment !== undefined,
    allows: head.allows,
  });
  if (!frame.allowed) return frame;
  const { type, deployments, objects, store } = frame.value;
  const target = assembleTarget(head, { deployments, objects, store, stream: false });
  if (upgrade === "realtime" || type !== "response.create") return allow(target, frame.trace);
  // What `POST /responses` would be: policy knows that one, and that it must name a deployment.
  return allow(
    { ...target, operation: "responses", ...(store === false ? {} : { creates: "response" as const }) },
    frame.trace,
  );
}
