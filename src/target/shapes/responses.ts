import { dataSources } from "./chat.ts";
import {
  absent,
  common,
  malformed,
  objectId,
  objectOrId,
  plain,
  schemaFormat,
  second,
  shape,
  storedObject,
  switchedOff,
} from "./shape.ts";
import { inputItem } from "./input-item.ts";
import { responseTool } from "./tools.ts";

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
  instructions: inputItem,
  data_sources: dataSources,
} as const satisfies Parameters<typeof shape>[0];

export const responses = shape(fields);

/** What a client says in a WebSocket of the Responses API: the body of a request, in an envelope. */
export const responsesFrame = shape({
  ...fields,
  type: plain,
  event_id: plain,
  stream_id: plain,
  response: absent(malformed("must stand in the message itself, field by field")),
});
