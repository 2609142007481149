import { boolean, common, metadata, objectId, objectIds, plain, schemaFormat, shape } from "./shape.ts";
import { assistantTool } from "./tools.ts";

const toolResources = shape({
  code_interpreter: shape({ file_ids: objectIds("file") }),
  file_search: shape({
    vector_store_ids: objectIds("vector_store"),
    vector_stores: shape({ ...metadata, file_ids: objectIds("file") }),
  }),
});

export const assistant = shape({
  ...common,
  tools: assistantTool,
  tool_resources: toolResources,
  response_format: schemaFormat,
});

const messageFields = {
  ...metadata,
  content: shape({ image_file: shape({ file_id: objectId("file") }) }),
  attachments: shape({ file_id: objectId("file"), tools: assistantTool }),
  file_ids: objectIds("file"),
} as const;
export const message = shape(messageFields);

const threadFields = { ...metadata, messages: message, tool_resources: toolResources } as const;
export const thread = shape(threadFields);

export const run = shape({
  ...common,
  assistant_id: objectId("assistant"),
  thread,
  additional_messages: message,
  tools: assistantTool,
  tool_resources: toolResources,
  response_format: schemaFormat,
});

export const toolOutputs = shape({ stream: boolean, tool_outputs: plain });
