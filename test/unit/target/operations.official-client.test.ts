/* oxlint-disable typescript/no-deprecated -- clients that use what is deprecated pass too */
import OpenAI, { AzureOpenAI, toFile } from "openai";
import { describe, expect, it } from "vitest";
import type { Target } from "../../../src/model/target.ts";
import type { Verdict } from "../../../src/model/verdict.ts";
import { readMultipart } from "../../../src/target/multipart/start-multipart.ts";
import { parseBody } from "../../../src/target/parse-body.ts";
import { parseHead, targetOf } from "../../../src/target/parse-head.ts";

let sent: Verdict<Target> | undefined;

/** Reads what the client would send, byte for byte, in place of sending it. */
async function capture(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = new Request(url, init);
  const { pathname, search } = new URL(request.url);
  const bytes = new Uint8Array(await request.arrayBuffer());
  const head = parseHead({
    method: request.method,
    url: pathname + search,
    headers: [
      ...[...request.headers].flat(),
      ...(bytes.length === 0 ? [] : ["content-length", String(bytes.length)]),
    ],
  });
  if (!head.allowed) sent = head;
  else if (head.value.body === "none") sent = { allowed: true, value: targetOf(head.value), trace: [] };
  else sent = head.value.body === "json" ? parseBody(head.value, bytes) : readMultipart(head.value, bytes);
  return Response.json({ data: [] });
}

const options = { apiKey: "x", fetch: capture, maxRetries: 0 };
const v1 = new OpenAI({ ...options, baseURL: "https://gateway.example/openai/v1/" });
const azure = new AzureOpenAI({
  ...options,
  endpoint: "https://gateway.example",
  apiVersion: "2025-04-01-preview",
});
const audio = () => toFile(Buffer.from("sound"), "a.mp3");

describe.each([
  ["OpenAI", v1],
  ["AzureOpenAI", azure],
])("what %s sends is taken", (_, client) => {
  const requests: readonly (readonly [string, string, (api: OpenAI) => PromiseLike<unknown>])[] = [
    ["chat-completions", "m", (api) => api.chat.completions.create({ model: "m", messages: [] })],
    ["embeddings", "m", (api) => api.embeddings.create({ model: "m", input: "x" })],
    ["audio-speech", "m", (api) => api.audio.speech.create({ model: "m", input: "x", voice: "alloy" })],
    [
      "audio-transcriptions",
      "m",
      async (api) =>
        api.audio.transcriptions.create({
          file: await audio(),
          model: "m",
          timestamp_granularities: ["word", "segment"],
          chunking_strategy: { type: "server_vad" },
        }),
    ],
    [
      "audio-translations",
      "m",
      async (api) => api.audio.translations.create({ model: "m", file: await audio() }),
    ],
    [
      "images-edits",
      "m",
      async (api) => api.images.edit({ image: [await audio(), await audio()], prompt: "x", model: "m" }),
    ],
    ["images-generations", "m", (api) => api.images.generate({ prompt: "x", model: "m" })],
    [
      "responses",
      "m",
      (api) => api.responses.create({ model: "m", input: "x", previous_response_id: "resp_1" }),
    ],
    [
      "responses-get",
      "",
      (api) =>
        api.responses.retrieve("resp_1", {
          include: ["file_search_call.results", "message.output_text.logprobs"],
          stream: false,
        }),
    ],
    [
      "responses-input-items",
      "",
      (api) => api.responses.inputItems.list("resp_1", { limit: 5, order: "asc" }),
    ],
    ["responses-cancel", "", (api) => api.responses.cancel("resp_1")],
    ["responses-delete", "", (api) => api.responses.delete("resp_1")],
    ["models", "", (api) => api.models.list()],
    ["models-get", "m", (api) => api.models.retrieve("m")],
    ["files-create", "", async (api) => api.files.create({ file: await audio(), purpose: "assistants" })],
    [
      "files-create",
      "m",
      async (api) =>
        api.files.create({
          file: await toFile(
            Buffer.from(
              '{"custom_id":"a","method":"POST","url":"/v1/responses","body":{"model":"m","input":"x"}}\n',
            ),
            "b.jsonl",
          ),
          purpose: "batch",
          expires_after: { anchor: "created_at", seconds: 3600 },
        }),
    ],
    ["files-list", "", (api) => api.files.list({ purpose: "batch", limit: 3 })],
    ["files-content", "", (api) => api.files.content("file-1")],
    ["uploads-parts", "", async (api) => api.uploads.parts.create("upload_1", { data: await audio() })],
    ["uploads-complete", "", (api) => api.uploads.complete("upload_1", { part_ids: ["part_1"] })],
    ["batches-cancel", "", (api) => api.batches.cancel("batch_1")],
    [
      "vector-stores-files-list",
      "",
      (api) => api.vectorStores.files.list("vs_1", { filter: "completed", before: "file-1" }),
    ],
    ["vector-stores-search", "", (api) => api.vectorStores.search("vs_1", { query: "x" })],
    ["runs-create", "", (api) => api.beta.threads.runs.create("thread_1", { assistant_id: "asst_1" })],
    [
      "steps-list",
      "",
      (api) =>
        api.beta.threads.runs.steps.list("run_1", {
          thread_id: "thread_1",
          include: ["step_details.tool_calls[*].file_search.results[*].content"],
        }),
    ],
    [
      "messages-list",
      "",
      (api) => api.beta.threads.messages.list("thread_1", { run_id: "run_1", order: "desc" }),
    ],
    ["fine-tuning-events", "", (api) => api.fineTuning.jobs.listEvents("ftjob-1", { limit: 2 })],
    ["evals-runs-list", "", (api) => api.evals.runs.list("eval_1", { status: "failed" })],
  ];

  it.each(requests)("%s naming %j", async (name, deployment, call) => {
    sent = undefined;
    await call(client);
    expect(sent).toMatchObject({
      allowed: true,
      value: { operation: name, deployments: deployment === "" ? [] : [deployment] },
    });
  });
});
