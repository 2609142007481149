import type { OperationGroup } from "../model/operation-group.ts";
import type { Target } from "../model/target.ts";

/**
 * Policy keeps its own list of operations: a request that "names no deployment" because its name was overlooked must be
 * denied here, and a new operation is denied until it was thought of here too.
 */
interface OperationRule {
  /** `own-list`: the list of what the caller may use, which needs no grant of its own. */
  readonly group: OperationGroup | "own-list";
  readonly deployment: "named" | "none";
}

const rules: ReadonlyMap<string, OperationRule> = new Map<string, OperationRule>([
  ["chat-completions", { group: "inference", deployment: "named" }],
  ["completions", { group: "inference", deployment: "named" }],
  ["embeddings", { group: "inference", deployment: "named" }],
  ["responses", { group: "inference", deployment: "named" }],
  ["models", { group: "own-list", deployment: "none" }],
]);

export const operationRule = (operation: string): OperationRule | undefined => rules.get(operation);

/** `api-version` of the query, else `v1` for a path of that surface; undefined: none that could be granted. */
export function apiVersionOf({ path, query }: Target): string | undefined {
  const [, version] = /(?:^|&)api-version=([^&]*)/.exec(query) ?? [];
  if (version !== undefined) return version;
  return path.startsWith("/openai/v1/") ? "v1" : undefined;
}
