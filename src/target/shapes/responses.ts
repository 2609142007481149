import { dataSources } from "./chat.ts";
import {
  absent,
  type BodyValue,
  common,
  malformed,
  objectId,
  objectOrId,
  oneOf,
  opaque,
  plain,
  schemaFormat,
  second,
  shape,
  stored,
  storedObject,
  switchedOff,
} from "./shape.ts";
import { responseTool } from "./tools.ts";

const holdsText = (value: BodyValue | undefined): boolean => value?.kind === "string" && value.text !== "";

const itemType = oneOf(
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

const content = shape({ file_id: objectId("file") });

/** What is said to a model, and what a conversation keeps. */
export const inputItem = shape(
  {
    type: itemType,
    id: plain,
    encrypted_content: plain,
    content,
    output: content,
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
);

const agent = absent(second("names an agent, which has its own deployment: not supported yet"));

const fields = {
  ...common,
  previous_response_id: objectId("response"),
  conversation: objectOrId("conversation"),
  prompt: storedObject,
  agent,
  agent_reference: agent,
  background: {
    check: ({ kind }, { allows }) =>
      kind === "false" || kind === "null" || (kind === "true" && allows.has("background-responses"))
        ? undefined
        : kind === "true"
          ? switchedOff("background-responses")
          : malformed("must be true or false"),
  },
  tools: responseTool,
  tool_choice: shape({ tools: responseTool }),
  text: shape({ format: schemaFormat }),
  input: inputItem,
  data_sources: dataSources,
} as const satisfies Parameters<typeof shape>[0];

export const responses = shape(fields);

/** What a client says in a WebSocket of the Responses API: the body of a request, in an envelope. */
export const responsesFrame = shape({ ...fields, type: plain, event_id: plain, stream_id: plain });
