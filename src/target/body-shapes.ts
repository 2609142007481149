import type { JsonKind } from "./json-scan.ts";
import type { Operation } from "./operations.ts";

/** Why a body may not pass, though it is good JSON. */
export interface BodyRefusal {
  readonly code: "request_malformed" | "deployment_not_permitted";
  readonly why: string;
}

export interface BodyValue {
  readonly kind: JsonKind;
  /** A string's decoded text; undefined for other kinds and for strings too long to be a name. */
  readonly text: string | undefined;
}

/**
 * What may stand in one place of a body. Arrays are transparent: the shape of `tools` is that of each of its elements.
 * Keys that no shape mentions are passed, unless they speak of a model, a deployment or an object's id
 * (`unmentioned-keys.ts`).
 */
export interface Shape {
  /** The caller's own data (a schema, a tool's environment): its keys mean nothing to the backend. */
  readonly opaque?: true;
  readonly fields?: ReadonlyMap<string, Shape>;
  readonly check?: (value: BodyValue) => BodyRefusal | undefined;
  /** Looks at an object when it ends, at its mentioned fields, nulls left out. */
  readonly whole?: (fields: ReadonlyMap<string, BodyValue>) => BodyRefusal | undefined;
}

const shape = (fields: Readonly<Record<string, Shape>>, rest: Omit<Shape, "fields"> = {}): Shape => ({
  fields: new Map(Object.entries(fields)),
  ...rest,
});

const plain: Shape = {};
const opaque: Shape = { opaque: true };

const malformed = (why: string): BodyRefusal => ({ code: "request_malformed", why });
const second = (why: string): BodyRefusal => ({ code: "deployment_not_permitted", why });

/** Not supported: absent or null only. */
const absent = (refusal: BodyRefusal): Shape => ({
  check: ({ kind }) => (kind === "null" ? undefined : refusal),
});

const stored = "names a stored object, and the gateway cannot tell yet to whom it belongs: not supported yet";
const storedObject: Shape = absent(malformed(stored));

const oneOf = (kinds: readonly string[], refusal: (found: string) => BodyRefusal): Shape => {
  const known: ReadonlySet<string> = new Set(kinds);
  return {
    check: ({ text }) =>
      text !== undefined && known.has(text)
        ? undefined
        : refusal(text === undefined ? "that is no name" : text),
  };
};

const toolType = (...kinds: readonly string[]): Shape =>
  oneOf(kinds, (found) =>
    found === "image_generation"
      ? second("is image_generation, which uses a second deployment: not supported yet")
      : malformed(`is a tool that the gateway does not understand (known: ${kinds.join(", ")})`),
  );

const boolean: Shape = {
  check: ({ kind }) =>
    kind === "true" || kind === "false" || kind === "null" ? undefined : malformed("must be true or false"),
};

const common = {
  model: plain,
  stream: boolean,
  metadata: opaque,
  logit_bias: opaque,
  user_security_context: opaque,
};
const schemaFormat = shape({ schema: opaque, json_schema: shape({ schema: opaque }) });

/** On-your-data: its parameters name an embedding deployment, and its searches run with the backend's identity. */
const dataSources = absent(
  second("can name a second deployment (embedding_dependency.deployment_name): not supported yet"),
);

const chat = shape({
  ...common,
  messages: shape({ audio: shape({ id: storedObject }) }),
  tools: shape({ type: toolType("function", "custom"), function: shape({ parameters: opaque }) }),
  functions: shape({ parameters: opaque }),
  response_format: schemaFormat,
  data_sources: dataSources,
});

const responseToolFields = new Map<string, Shape>(
  Object.entries({
    type: toolType(
      "function",
      "custom",
      "mcp",
      "web_search",
      "web_search_2025_08_26",
      "web_search_preview",
      "web_search_preview_2025_03_11",
      "code_interpreter",
      "computer",
      "computer_use",
      "computer_use_preview",
      "local_shell",
      "shell",
      "apply_patch",
      "tool_search",
      "namespace",
    ),
    parameters: opaque,
    headers: opaque,
    // A string names an existing container; an object asks for a new one.
    container: {
      check: ({ kind }: BodyValue) => (kind === "object" || kind === "null" ? undefined : malformed(stored)),
    },
  } satisfies Record<string, Shape>),
);
const responseTool: Shape = { fields: responseToolFields };
// A namespace holds tools of its own, however deep.
responseToolFields.set("tools", responseTool);

const holdsText = (value: BodyValue | undefined): boolean => value?.kind === "string" && value.text !== "";

const inputItem = oneOf(
  [
    "message",
    "reasoning",
    "compaction",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "web_search_call",
    "computer_call",
    "computer_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
  ],
  (found) =>
    malformed(
      found === "item_reference"
        ? stored
        : "is an input item that the gateway does not understand, or that names a stored object: not supported yet",
    ),
);

const responses = shape({
  ...common,
  previous_response_id: storedObject,
  conversation: storedObject,
  prompt: storedObject,
  agent: absent(second("names an agent, which has its own deployment: not supported yet")),
  agent_reference: absent(second("names an agent, which has its own deployment: not supported yet")),
  background: {
    check: ({ kind }) =>
      kind === "false" || kind === "null"
        ? undefined
        : malformed("may not be true: background responses are not supported yet"),
  },
  tools: responseTool,
  text: shape({ format: schemaFormat }),
  input: shape(
    {
      type: inputItem,
      id: plain,
      encrypted_content: plain,
      action: shape({ env: opaque }),
      tools: shape({ input_schema: opaque, annotations: opaque }),
    },
    {
      // The service looks such an item up by its id, in whoever's store it is.
      whole: (fields) =>
        fields.get("type")?.text === "reasoning" &&
        fields.has("id") &&
        !holdsText(fields.get("encrypted_content"))
          ? malformed(
              "has a reasoning item by id only; ask for `reasoning.encrypted_content` in `include` and send that back",
            )
          : undefined,
    },
  ),
  data_sources: dataSources,
});

/** What each kind of body may name. */
export const bodyShapes: Readonly<Record<Operation["shape"], Shape>> = {
  chat,
  responses,
  completions: shape(common),
  embeddings: shape(common),
  none: plain,
};
