import type { OperationGroup } from "../model/operation-group.ts";
import type { Target } from "../model/target.ts";

/** The list of what the caller may use: it names nothing and needs no grant of its own. */
export const isOwnList = ({ operation }: Target): boolean => operation === "models";

/**
 * Policy has its own view of what must name a deployment: a request that "names none" because its name was overlooked
 * must be denied here. In these groups everything must, but for what is listed below and then names an object.
 */
const groupsOnDeployments: ReadonlySet<OperationGroup> = new Set<OperationGroup>(["inference", "realtime"]);
const onStoredObjects: ReadonlySet<string> = new Set([
  "responses-get",
  "responses-delete",
  "responses-cancel",
  "responses-input-items",
]);
/** In the other groups these must: each makes something that a deployment answers for later. */
const makesForDeployment: ReadonlySet<string> = new Set([
  "assistants-create",
  "videos-create",
  "realtime-sessions",
]);

/** Its upgrade names none: each message that asks for an answer does, and is a `responses` of its own. */
const inMessages = "responses-socket";

export function mustNameDeployment({ operation, group, objects }: Target): boolean {
  if (operation === "models" || operation === inMessages) return false;
  if (!groupsOnDeployments.has(group)) return makesForDeployment.has(operation);
  return !(onStoredObjects.has(operation) && objects.length > 0);
}

/** `api-version` of the query, else `v1` for a path of that surface; undefined: none that could be granted. */
export function apiVersionOf({ path, query }: Target): string | undefined {
  const [, version] = /(?:^|&)api-version=([^&]*)/.exec(query) ?? [];
  if (version !== undefined) return version;
  return path.startsWith("/openai/v1/") ? "v1" : undefined;
}
