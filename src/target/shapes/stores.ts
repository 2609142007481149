import {
  malformed,
  metadata,
  objectId,
  objectIds,
  oneOf,
  opaque,
  type Shape,
  shape,
  second,
  switchedOff,
} from "./shape.ts";
import { inputItem } from "./input-item.ts";

export const conversation = shape({ ...metadata, items: inputItem });

export const vectorStore = shape({ ...metadata, file_ids: objectIds("file") });

const added = { file_id: objectId("file"), attributes: opaque } as const;
/** Files that are put into a vector store. */
export const storedFiles = shape({ ...added, file_ids: objectIds("file"), files: shape(added) });

export const search = shape({ filters: opaque });

export const container = shape({ file_ids: objectIds("file") });
export const containerFile = shape({ file_id: objectId("file") });

const otherwise: Shape = {
  check: ({ kind }, { allows }) =>
    kind === "null" || allows.has("uninspected-batches") ? undefined : switchedOff("uninspected-batches"),
};

/** What a batch may ask for, and which shape the bodies of its lines have. */
export const batchEndpoints = {
  "/chat/completions": "chat",
  "/v1/chat/completions": "chat",
  "/v1/completions": "completions",
  "/v1/embeddings": "embeddings",
  "/v1/responses": "responses",
} as const;

/** Which deployment a batch uses was seen when its file was uploaded, line by line. A blob is not seen, nor other files. */
export const batch = shape({
  ...metadata,
  input_file_id: objectId("batch_input"),
  input_blob: otherwise,
  output_folder: otherwise,
  endpoint: oneOf(Object.keys(batchEndpoints), () =>
    malformed("is an endpoint that the gateway does not know"),
  ),
});

/** An upload comes in parts that need not end where lines do, so a batch's lines cannot be inspected in it. */
export const upload = shape({
  purpose: {
    check: ({ text }, { allows }) =>
      text === undefined
        ? malformed("must be a string")
        : text === "batch" && !allows.has("uninspected-batches")
          ? switchedOff("uninspected-batches")
          : undefined,
  },
});
export const uploadComplete = shape({ part_ids: objectIds("part") });

/** A video: the picture that it starts from may be a file. */
export const video = shape({
  model: { names: "primary" },
  input_reference: shape({ file_id: objectId("file") }),
  inpaint_items: { check: ({ kind }) => (kind === "null" ? undefined : second("is not supported yet")) },
});
