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

/**
 * Puts a backend's own model id or ARN into a path of Bedrock's, as one segment: what RFC 3986 does not leave
 * unreserved is percent-encoded, which is the spelling that signatures are made over.
 * @param path of a target, `/model/{deployment}/converse`
 * @param modelId `anthropic.claude-3-haiku-20240307-v1:0`, or an ARN
 */
export function bedrockPath(path: string, modelId: string): string {
  const match = /^\/model\/[^/]+\/([a-z-]+)$/.exec(path);
  if (match === null) throw new TypeError(`${path} is not a path of Bedrock's`);
  // A segment of dots only would climb, and encoding leaves it as it is.
  if (/^\.*$/.test(modelId)) throw new TypeError("a model id is more than dots");
  return `${bedrockPrefix}${encodeSegment(modelId)}/${match[1]}`;
}

const encodeSegment = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
