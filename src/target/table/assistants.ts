import type { Operation } from "../operation.ts";
import { get, list, on, page, post, remove } from "./surfaces.ts";

const include = "include%5B%5D" as const;
const thread = "threads/{thread}";
const run = `${thread}/runs/{run}`;

/** Assistants, threads and runs. A run may name a deployment; without, it uses its assistant's. */
// prettier-ignore
export const assistants: readonly Operation[] = on(["v1", "dated"], "assistants", [
  post("assistants-create", "assistants", { shape: "assistant", deployment: "body", creates: "assistant" }),
  list("assistants-list", "assistants", "assistant", { query: ["before"] }),
  get("assistants-get", "assistants/{assistant}"),
  post("assistants-update", "assistants/{assistant}", { shape: "assistant", deployment: "optional" }),
  remove("assistants-delete", "assistants/{assistant}", "assistant"),
  post("threads-create", "threads", { shape: "thread", creates: "thread" }),
  get("threads-get", thread),
  post("threads-update", thread, { shape: "thread" }),
  remove("threads-delete", thread, "thread"),
  post("messages-create", `${thread}/messages`, { shape: "message" }),
  page("messages-list", `${thread}/messages`, { query: ["before", "run_id"] }),
  get("messages-get", `${thread}/messages/{message}`),
  post("messages-update", `${thread}/messages/{message}`, { shape: "metadata" }),
  remove("messages-delete", `${thread}/messages/{message}`),
  post("threads-runs-create", "threads/runs", { shape: "run", deployment: "optional", streams: "body.stream", creates: "thread", createdIn: "thread_id" }),
  post("runs-create", `${thread}/runs`, { shape: "run", deployment: "optional", streams: "body.stream", query: [include] }),
  page("runs-list", `${thread}/runs`, { query: ["before"] }),
  get("runs-get", run),
  post("runs-update", run, { shape: "metadata" }),
  post("runs-cancel", `${run}/cancel`),
  post("runs-submit-tool-outputs", `${run}/submit_tool_outputs`, { shape: "toolOutputs", streams: "body.stream" }),
  page("steps-list", `${run}/steps`, { query: ["before", include] }),
  get("steps-get", `${run}/steps/{step}`, { query: [include] }),
]);
