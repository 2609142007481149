import {
  deployment,
  malformed,
  objectIds,
  objectOrId,
  oneOf,
  opaque,
  second,
  type Shape,
  shape,
} from "./shape.ts";

/** A tool's `type`. An image is drawn by a second deployment, which only a header can name. */
export const toolType = (...kinds: readonly string[]): Shape =>
  oneOf(kinds, (found, { drawsImages }) =>
    found !== "image_generation"
      ? malformed(`is a tool that the gateway does not understand (known: ${kinds.join(", ")})`)
      : drawsImages
        ? undefined
        : second(
            "is image_generation, which uses a second deployment: name it in the header x-ms-oai-image-generation-deployment",
          ),
  );

const fields = new Map<string, Shape>(
  Object.entries({
    type: toolType(
      "function",
      "custom",
      "mcp",
      "file_search",
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
    model: deployment,
    parameters: opaque,
    headers: opaque,
    filters: opaque,
    vector_store_ids: objectIds("vector_store"),
    // An object asks for a new container.
    container: {
      ...objectOrId("container"),
      fields: new Map([["file_ids", objectIds("file")]]),
    },
    input_image_mask: shape({ file_id: objectIds("file") }),
  } satisfies Record<string, Shape>),
);
/** A tool of the Responses API. */
export const responseTool: Shape = { fields };
// A namespace holds tools of its own, however deep.
fields.set("tools", responseTool);

/** A tool of an assistant. */
export const assistantTool = shape({
  type: toolType("function", "code_interpreter", "file_search"),
  function: shape({ parameters: opaque }),
});
