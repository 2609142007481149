import type { Operation } from "../operation.ts";
import { get, list, on, page, post, remove } from "./surfaces.ts";

const answers = { deployment: "body", retryable: true } as const;
const streams = { ...answers, streams: "body.stream" } as const;
const include = "include%5B%5D" as const;

/** What a model answers at once, and the responses that the services keep. */
// prettier-ignore
export const inference: readonly Operation[] = [
  ...on(["classic", "v1", "models"], "inference", [
    // `"store": true` keeps the completion for distillation and evals.
    post("chat-completions", "chat/completions", { ...streams, shape: "chat", creates: "completion", storage: "opt-in" }),
    post("embeddings", "embeddings", { ...answers, shape: "embeddings" }),
  ]),
  ...on(["models"], "inference", [
    post("image-embeddings", "images/embeddings", { ...answers, shape: "embeddings" }),
  ]),
  ...on(["classic", "v1"], "inference", [
    post("completions", "completions", { ...streams, shape: "completions" }),
    post("audio-speech", "audio/speech", { ...answers, shape: "speech" }),
    post("audio-transcriptions", "audio/transcriptions", { ...streams, form: "transcription" }),
    post("audio-translations", "audio/translations", { ...answers, form: "transcription" }),
    post("images-generations", "images/generations", { ...streams, shape: "images" }),
    post("images-edits", "images/edits", { ...streams, form: "images" }),
  ]),
  ...on(["v1"], "inference", [
    post("images-variations", "images/variations", { ...answers, form: "images" }),
    get("responses-socket", "responses", { deployment: "frames", upgrade: "responses", retryable: false }),
  ]),
  ...on(["v1", "dated"], "inference", [
    // A stored response outlives its answer: a second attempt could leave two.
    post("responses", "responses", { ...streams, shape: "responses", creates: "response", storage: "opt-out", retryable: false }),
    post("responses-compact", "responses/compact", { ...answers, shape: "responses" }),
    post("responses-input-tokens", "responses/input_tokens", { ...answers, shape: "responses" }),
    get("responses-get", "responses/{response}", { streams: "query.stream", query: [include, "stream", "starting_after", "include_obfuscation"] }),
    remove("responses-delete", "responses/{response}", "response"),
    post("responses-cancel", "responses/{response}/cancel"),
    page("responses-input-items", "responses/{response}/input_items", { query: ["before", include] }),
    get("models", "models", { answeredBy: "gateway" }),
    get("models-get", "models/{deployment}", { answeredBy: "gateway", deployment: "path" }),
  ]),
];

/** Chat completions that were kept with `"store": true`. */
// prettier-ignore
export const storedCompletions: readonly Operation[] = on(["v1"], "stored-completions", [
  list("stored-completions-list", "chat/completions", "completion"),
  get("stored-completions-get", "chat/completions/{completion}"),
  post("stored-completions-update", "chat/completions/{completion}", { shape: "metadata" }),
  remove("stored-completions-delete", "chat/completions/{completion}", "completion"),
  page("stored-completions-messages", "chat/completions/{completion}/messages"),
]);
