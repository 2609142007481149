import type { NamedObject } from "../../../src/model/object-kind.ts";
import type { Operation } from "../../../src/target/operation.ts";
import type { QueryParameter } from "../../../src/target/query-parameters.ts";

/** A canonical request for a row of the table, and what it names. */
export interface Sample {
  readonly body?: object;
  readonly fields?: Readonly<Record<string, string>>;
  /** Beside the one of the path or the query. */
  readonly deployments?: readonly string[];
  readonly objects?: readonly NamedObject[];
}

const file = (id: string): NamedObject => ({ kind: "file", id });
const model = { body: { model: "gpt-4o" }, deployments: ["gpt-4o"] };
const empty = { body: {} };
const form = { fields: { model: "gpt-4o" }, deployments: ["gpt-4o"] };
const files = { body: { file_ids: ["f-1", "f-2"] }, objects: [file("f-1"), file("f-2")] };

const said = { body: { messages: [{ role: "user", content: [{ text: "x" }] }] } };

/** By the name of the operation. */
export const samples: Readonly<Record<string, Sample>> = {
  "chat-completions": model,
  embeddings: model,
  "image-embeddings": model,
  completions: model,
  "audio-speech": model,
  "audio-transcriptions": form,
  "audio-translations": form,
  "images-generations": model,
  "images-edits": form,
  "images-variations": form,
  responses: {
    body: { model: "gpt-4o", previous_response_id: "resp_0" },
    deployments: ["gpt-4o"],
    objects: [{ kind: "response", id: "resp_0" }],
  },
  "responses-compact": model,
  "responses-input-tokens": model,
  "stored-completions-update": { body: { metadata: { model: "x" } } },
  "conversations-create": {
    body: { items: [{ role: "user", content: [{ type: "input_file", file_id: "f-1" }] }] },
    objects: [file("f-1")],
  },
  "conversations-update": empty,
  "conversations-items-create": { body: { items: [{ type: "message", role: "user", content: "x" }] } },
  "files-create": { fields: { purpose: "assistants" } },
  "uploads-create": { body: { purpose: "fine-tune", filename: "x", bytes: 1, mime_type: "text/plain" } },
  "uploads-parts": { fields: {} },
  "uploads-complete": {
    body: { part_ids: ["part_1", "part_2"] },
    objects: [
      { kind: "part", id: "part_1" },
      { kind: "part", id: "part_2" },
    ],
  },
  "containers-create": files,
  "containers-files-create": { body: { file_id: "f-1" }, objects: [file("f-1")] },
  "batches-create": {
    body: { input_file_id: "f-1", endpoint: "/chat/completions", completion_window: "24h" },
    objects: [file("f-1"), { kind: "batch_input", id: "f-1" }],
  },
  "assistants-create": {
    body: {
      model: "gpt-4o",
      tool_resources: {
        code_interpreter: { file_ids: ["f-1"] },
        file_search: { vector_store_ids: ["vs_0"], vector_stores: [{ file_ids: ["f-2"] }] },
      },
    },
    deployments: ["gpt-4o"],
    objects: [file("f-1"), { kind: "vector_store", id: "vs_0" }, file("f-2")],
  },
  "assistants-update": empty,
  "threads-create": {
    body: { messages: [{ role: "user", content: "x", attachments: [{ file_id: "f-1" }] }] },
    objects: [file("f-1")],
  },
  "threads-update": empty,
  "messages-create": {
    body: { role: "user", content: [{ type: "image_file", image_file: { file_id: "f-1" } }] },
    objects: [file("f-1")],
  },
  "messages-update": empty,
  "threads-runs-create": {
    body: { assistant_id: "asst_0", model: "gpt-4o", thread: { messages: [{ file_ids: ["f-1"] }] } },
    deployments: ["gpt-4o"],
    objects: [{ kind: "assistant", id: "asst_0" }, file("f-1")],
  },
  "runs-create": {
    body: { assistant_id: "asst_0", additional_messages: [{ attachments: [{ file_id: "f-1" }] }] },
    objects: [{ kind: "assistant", id: "asst_0" }, file("f-1")],
  },
  "runs-update": empty,
  "runs-submit-tool-outputs": { body: { tool_outputs: [{ tool_call_id: "call_1", output: "x" }] } },
  "vector-stores-create": files,
  "vector-stores-update": empty,
  "vector-stores-search": { body: { query: "x", filters: { key: "model", type: "eq", value: "x" } } },
  "vector-stores-files-create": { body: { file_id: "f-1" }, objects: [file("f-1")] },
  "vector-stores-files-update": { body: { attributes: { model: "x" } } },
  "vector-stores-batches-create": {
    body: { files: [{ file_id: "f-1", attributes: {} }] },
    objects: [file("f-1")],
  },
  "fine-tuning-create": {
    body: {
      model: "gpt-4o-mini-2024-07-18.ft-0e20:x",
      training_file: "f-1",
      validation_file: "f-2",
      method: { reinforcement: { grader: { type: "score_model", model: "judge" } } },
    },
    deployments: ["judge"],
    objects: [file("f-1"), file("f-2")],
  },
  "graders-run": {
    body: { grader: { type: "multi", graders: { a: { model: "judge" }, b: { model: "judge2" } } }, item: {} },
    deployments: ["judge", "judge2"],
  },
  "graders-validate": { body: { grader: { type: "string_check" } } },
  "evals-create": {
    body: {
      data_source_config: { type: "custom", item_schema: { properties: { model: {} } } },
      testing_criteria: [{ type: "label_model", model: "judge" }, { type: "string_check" }],
    },
    deployments: ["judge"],
  },
  "evals-update": empty,
  "evals-runs-create": {
    body: { data_source: { type: "completions", model: "gpt-4o", source: { type: "file_id", id: "f-1" } } },
    deployments: ["gpt-4o"],
    objects: [file("f-1")],
  },
  "videos-create": model,
  "videos-remix": { body: { prompt: "x" } },
  "realtime-client-secrets": {
    body: { session: { model: "rt", audio: { input: { transcription: { model: "whisper" } } } } },
    deployments: ["rt", "whisper"],
  },
  "bedrock-converse": said,
  "bedrock-converse-stream": said,
  "bedrock-invoke": { body: { anthropic_version: "bedrock-2023-05-31", max_tokens: 9, messages: [] } },
  "bedrock-invoke-stream": { body: { inputText: "x", textGenerationConfig: { temperature: 0 } } },
  "bedrock-count-tokens": { body: { input: { converse: said.body } } },
  "realtime-sessions": {
    body: { model: "rt", input_audio_transcription: { model: "whisper" } },
    deployments: ["rt", "whisper"],
  },
};

/** A good value for each query parameter. */
export const values: Readonly<Record<QueryParameter, string>> = {
  limit: "20",
  order: "desc",
  after: "obj_1",
  before: "obj_2",
  "include%5B%5D": "message.output_text.logprobs",
  stream: "true",
  starting_after: "7",
  include_obfuscation: "false",
  purpose: "fine-tune",
  filter: "in_progress",
  status: "failed",
  order_by: "created_at",
  variant: "thumbnail",
  run_id: "run_9",
  model: "rt",
  deployment: "rt",
};

const boundary = "sample-boundary";

export const jsonHeaders = ["Content-Type", "application/json"];
export const formHeaders = ["Content-Type", `multipart/form-data; boundary=${boundary}`];
export const socketHeaders = ["Connection", "Upgrade", "Upgrade", "websocket"];

export function headersFor(row: Operation): readonly string[] {
  if (row.upgrade !== undefined) return socketHeaders;
  if (row.body === "none") return [];
  return row.body === "multipart" ? formHeaders : jsonHeaders;
}

/** A path in which every name is `{kind}_1`, a deployment `gpt-4o`; and what it names. */
export const pathOf = ({ path }: Pick<Operation, "path">): string =>
  path.replace("{deployment}", "gpt-4o").replaceAll(/\{([a-z_]+)\}/g, "$1_1");
export const objectsOf = ({ path }: Pick<Operation, "path">): readonly NamedObject[] =>
  [...path.matchAll(/\{([a-z_]+)\}/g)]
    .map(([, kind = ""]) => kind)
    .filter((kind) => kind !== "deployment")
    .map((kind) => ({ kind: kind as NamedObject["kind"], id: `${kind}_1` }));

/** A part of a form; with a file name it is a file. */
export const part = (name: string, content: string | Buffer, fileName?: string): Buffer =>
  Buffer.concat([
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${
        fileName === undefined ? "" : `; filename="${fileName}"\r\nContent-Type: application/octet-stream`
      }\r\n\r\n`,
    ),
    Buffer.from(content),
    Buffer.from("\r\n"),
  ]);
export const formOf = (...parts: readonly Buffer[]): Buffer =>
  Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
