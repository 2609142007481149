import {
  absent,
  malformed,
  metadata,
  opaque,
  plain,
  schemaFormat,
  type Shape,
  shape,
  switchedOff,
} from "./shape.ts";

/** A tool in the spellings of the models: its schema is the caller's own. */
const tool = shape({
  input_schema: opaque,
  inputSchema: opaque,
  parameters: opaque,
  parameter_definitions: opaque,
  function: shape({ parameters: opaque }),
  toolSpec: shape({ inputSchema: opaque }),
});

const contentFields = new Map<string, Shape>(
  Object.entries({
    // What a model wants a tool to be called with, and what the tool said.
    input: opaque,
    json: opaque,
    toolUse: shape({ input: opaque }),
  } satisfies Record<string, Shape>),
);
const content: Shape = { fields: contentFields };
// What a tool said has content of its own.
contentFields.set("content", content);
contentFields.set("toolResult", content);

/** The body that a model of Bedrock takes itself, each in a dialect of its own. It must name nothing. */
export const invokeModel = shape({
  ...metadata,
  messages: shape({ content }),
  tools: tool,
  toolConfig: shape({ tools: tool }),
  documents: opaque,
  tool_results: opaque,
  response_format: schemaFormat,
  output_format: schemaFormat,
  output_config: shape({ format: schemaFormat }),
});

/** A guardrail is a resource of the account; to choose one is to choose how strict it is. */
const guardrail = shape(
  { guardrailIdentifier: plain },
  {
    check: ({ kind }, { allows }) =>
      kind === "null" || allows.has("guardrails") ? undefined : switchedOff("guardrails"),
  },
);

export const converse = shape({
  messages: shape({ content }),
  system: content,
  toolConfig: shape({ tools: tool }),
  guardrailConfig: guardrail,
  // Put into the model's own body by Bedrock.
  additionalModelRequestFields: invokeModel,
  additionalModelResponseFieldPaths: plain,
  promptVariables: opaque,
  requestMetadata: opaque,
});

export const countTokens = shape({
  input: shape({
    converse,
    invokeModel: absent(
      malformed("is a body in base64, which the gateway does not look into; count with `converse`"),
    ),
  }),
});
