import type { BackendKind } from "../model/backend.ts";
import type { Operation } from "./operation.ts";

const bedrockPrefix = "/model/";

/** The one path of OpenAI that Bedrock answers under the same name. */
const ofBoth: ReadonlySet<string> = new Set(["/openai/v1/chat/completions"]);

/**
 * Whether backends of a kind understand an operation. One that does not would at best answer 404; at worst it takes the
 * same bytes for something else than what was authorised.
 */
export function isTakenBy({ method, path }: Pick<Operation, "method" | "path">, kind: BackendKind): boolean {
  if (path.startsWith(bedrockPrefix)) return kind === "bedrock";
  return kind === "azure-openai" || (method === "POST" && ofBoth.has(path));
}
