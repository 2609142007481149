import type { OperationGroup } from "../model/operation-group.ts";
import type { Target } from "../model/target.ts";

/** The list of what the caller may use: it names nothing and needs no grant of its own. */
export const isOwnList = ({ operation }: Target): boolean => operation === "models";

/**
 * Policy has its own view of what must name a deployment: a request that "names none" because its name was overlooked
 * must be denied here. In these groups everything must, but for what is listed below and then names an object.
 */
export const groupsOnDeployments: ReadonlySet<OperationGroup> = new Set<OperationGroup>([
  "inference",
  "realtime",
]);
const onStoredObjects: ReadonlySet<string> = new Set([
  "responses-get",
  "responses-delete",
  "responses-cancel",
  "responses-input-items",
]);
/** In the other groups these must: each makes something that a deployment answers for later, or a key for it. */
const makesForDeployment: ReadonlySet<string> = new Set([
  "assistants-create",
  "videos-create",
  "realtime-sessions",
  "realtime-client-secrets",
]);

/** Its upgrade names none: each message that asks for an answer does, and is a `responses` of its own. */
const inMessages = "responses-socket";

export function mustNameDeployment({ operation, group, objects }: Target): boolean {
  if (operation === "models" || operation === inMessages) return false;
  if (!groupsOnDeployments.has(group)) return makesForDeployment.has(operation);
  return !(onStoredObjects.has(operation) && objects.length > 0);
}

/**
 * The API versions that must all be granted: `api-version` of the query, and `v1` for a path of that surface, unless the
 * query chooses among that surface's own versions: it may answer as v1 whatever date the query holds. Empty: no version
 * that could be granted.
 */
export function apiVersionsOf({ path, query }: Target): readonly string[] {
  const [, named] = /(?:^|&)api-version=([^&]*)/.exec(query) ?? [];
  const version = named === undefined ? [] : [named];
  if (!path.startsWith("/openai/v1/") || (named !== undefined && ofV1.has(named))) return version;
  return ["v1", ...version];
}

const ofV1: ReadonlySet<string> = new Set(["v1", "preview", "latest"]);
