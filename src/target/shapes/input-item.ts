import {
  type BodyRefusal,
  type BodyValue,
  malformed,
  objectId,
  oneOf,
  opaque,
  plain,
  shape,
  stored,
} from "./shape.ts";

/**
 * The items that may be said to a model, and the field that makes each more than an id. The services look an item that
 * brings nothing up by its id, in whoever's store it is.
 */
const broughtBy: Readonly<Record<string, readonly string[]>> = {
  message: ["content"],
  reasoning: ["encrypted_content"],
  compaction: ["encrypted_content"],
  function_call: ["name"],
  function_call_output: ["output"],
  custom_tool_call: ["name"],
  custom_tool_call_output: ["output"],
  web_search_call: ["action"],
  computer_call: ["action", "actions"],
  computer_call_output: ["output"],
  local_shell_call: ["action"],
  local_shell_call_output: ["output"],
  shell_call: ["action"],
  shell_call_output: ["output"],
  apply_patch_call: ["operation"],
  apply_patch_call_output: ["call_id"],
  mcp_list_tools: ["tools"],
  mcp_approval_request: ["name"],
  mcp_approval_response: ["approval_request_id"],
  mcp_call: ["name"],
};

const itemType = oneOf(Object.keys(broughtBy), (found) =>
  malformed(
    found === "item_reference"
      ? stored
      : "is an input item that the gateway does not understand, or that names a stored object: not supported yet",
  ),
);

const content = shape({ file_id: objectId("file") });

function withItsOwnContent(fields: ReadonlyMap<string, BodyValue>): BodyRefusal | undefined {
  if (!fields.has("id")) return undefined;
  // Without a type it is a message; or, in the services' own description, a reference.
  const type = fields.get("type")?.text ?? "message";
  const brings = broughtBy[type]?.some((field) => holdsSomething(fields.get(field)));
  if (brings === true) return undefined;
  return malformed(
    type === "reasoning"
      ? "has a reasoning item by id only; ask for `reasoning.encrypted_content` in `include` and send that back"
      : "has an input item by id only, and the gateway cannot tell to whom it belongs: send all of it, or leave its id out",
  );
}

const holdsSomething = (value: BodyValue | undefined): boolean =>
  value?.kind === "array" || value?.kind === "object" || (value?.kind === "string" && value.text !== "");

/** What is said to a model, and what a conversation keeps. */
export const inputItem = shape(
  {
    type: itemType,
    id: plain,
    content,
    output: content,
    action: shape({ env: opaque }),
    tools: shape({ input_schema: opaque, annotations: opaque }),
  },
  { whole: withItsOwnContent },
);
