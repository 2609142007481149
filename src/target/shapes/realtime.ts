import {
  deployment,
  malformed,
  metadata,
  objectId,
  oneOf,
  opaque,
  plain,
  type Shape,
  shape,
  storedObject,
  string,
} from "./shape.ts";

const transcription = shape({ model: deployment });

const tool = shape({
  type: oneOf(["function", "mcp"], () => malformed("is a tool that the gateway does not understand")),
  parameters: opaque,
  headers: opaque,
});

const sessionFields = {
  input_audio_transcription: transcription,
  audio: shape({
    input: shape({ transcription, turn_detection: plain }),
    output: shape({ voice: string }),
  }),
  voice: string,
  prompt: storedObject,
  tools: tool,
  tracing: shape(metadata),
} as const;

const session = shape({ ...sessionFields, model: deployment });

/** A session asked for over HTTP: its model stands at the top. */
export const realtimeSession = shape({ ...sessionFields, model: { names: "primary" } });

export const clientSecret = shape({ session });

const item = shape({
  content: shape({ file_id: objectId("file") }),
  tools: shape({ input_schema: opaque, annotations: opaque }),
});

/** The id points into the session, which is the caller's own. */
const own = string;

/** All that a client may say in a WebSocket of the Realtime API; which field goes with which type is the service's. */
export const realtimeFrame: Shape = shape({
  type: plain,
  event_id: own,
  session,
  item,
  item_id: own,
  previous_item_id: own,
  response_id: own,
  response: shape({
    ...metadata,
    prompt: storedObject,
    conversation: oneOf(["auto", "none"], () => malformed("may be auto or none")),
    input: item,
    tools: tool,
    voice: string,
    audio: shape({ output: shape({ voice: string }) }),
    item_id: own,
  }),
});
