import { describe, expect, it } from "vitest";
import type { Feature } from "../../../src/target/features.ts";
import { parseBody } from "../../../src/target/parse-body.ts";
import { parseHead } from "../../../src/target/parse-head.ts";
import { compileSurface } from "../../../src/target/surface.ts";

const headOf = (url: string) => {
  const verdict = parseHead({ method: "POST", url, headers: ["content-type", "application/json"] });
  if (!verdict.allowed) throw new Error(verdict.detail);
  return verdict.value;
};
const chat = headOf("/openai/v1/chat/completions");
const responses = headOf("/openai/v1/responses");

const parse = (body: unknown, head = chat) =>
  parseBody(head, Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
const detail = (verdict: ReturnType<typeof parse>) =>
  verdict.allowed ? "allowed" : `${verdict.code}: ${verdict.detail}`;

describe("an object that the gateway can look up the owner of", () => {
  const named: readonly (readonly [string, typeof chat, object, readonly object[]])[] = [
    [
      "a previous response",
      responses,
      { previous_response_id: "resp_1" },
      [{ kind: "response", id: "resp_1" }],
    ],
    ["a conversation", responses, { conversation: "conv_1" }, [{ kind: "conversation", id: "conv_1" }]],
    [
      "a conversation in an object",
      responses,
      { conversation: { id: "conv_1" } },
      [{ kind: "conversation", id: "conv_1" }],
    ],
    [
      "a file in the input, and an image",
      responses,
      { input: [{ role: "user", content: [{ file_id: "f-1" }, { type: "input_image", file_id: "f-2" }] }] },
      [
        { kind: "file", id: "f-1" },
        { kind: "file", id: "f-2" },
      ],
    ],
    [
      "a file in the output of a function",
      responses,
      { input: [{ type: "function_call_output", call_id: "c", output: [{ file_id: "f-1" }] }] },
      [{ kind: "file", id: "f-1" }],
    ],
    [
      "a vector store twice",
      responses,
      {
        tools: [
          { type: "file_search", vector_store_ids: ["vs_1"] },
          { type: "file_search", vector_store_ids: ["vs_2", "vs_1"] },
        ],
      },
      [
        { kind: "vector_store", id: "vs_1" },
        { kind: "vector_store", id: "vs_2" },
      ],
    ],
    [
      "a container",
      responses,
      { tools: [{ type: "code_interpreter", container: "cntr_1" }] },
      [{ kind: "container", id: "cntr_1" }],
    ],
    [
      "the files of a new container",
      responses,
      { tools: [{ type: "code_interpreter", container: { type: "auto", file_ids: ["f-1"] } }] },
      [{ kind: "file", id: "f-1" }],
    ],
    [
      "a file in a chat",
      chat,
      { messages: [{ role: "user", content: [{ type: "file", file: { file_id: "f-1" } }] }] },
      [{ kind: "file", id: "f-1" }],
    ],
  ];
  it.each(named)("is named: %s", (_, head, body, objects) => {
    expect(parse({ model: "m", ...body }, head)).toMatchObject({ allowed: true, value: { objects } });
  });

  it.each([
    ["with a slash", '"a/b"'],
    ["with an escape", '"resp\\u005f1"'],
    ["empty", '""'],
    ["overlong", `"${"a".repeat(129)}"`],
    ["very long", `"${"a".repeat(5000)}"`],
    ["a number", "1"],
    ["a list", '["resp_1"]'],
    ["an object", '{"id":"resp_1"}'],
    ["true", "true"],
  ])("is refused when its id is not one: %s", (_, id) => {
    expect(detail(parse(`{"model":"m","previous_response_id":${id}}`, responses))).toMatch(
      /^request_malformed: .*previous_response_id/,
    );
  });

  it.each([
    ["in camel case", '{"model":"m","previousResponseId":"resp_1"}'],
    ["with an escaped key", '{"model":"m","previous\\u005fresponse_id":"resp_1"}'],
    ["twice", '{"model":"m","previous_response_id":"a","previous_response_id":"b"}'],
    ["twice, once null", '{"model":"m","previous_response_id":null,"previous_response_id":"b"}'],
  ])("is refused when its key is spelt another way: %s", (_, body) => {
    expect(parse(body, responses)).toMatchObject({ allowed: false, code: "request_malformed" });
  });

  it("is created by a response unless it says otherwise, and by a chat only when it says so", () => {
    const creates = (body: object, head: typeof chat) => {
      const verdict = parse({ model: "m", ...body }, head);
      return verdict.allowed ? verdict.value.creates : verdict.detail;
    };
    expect(
      [{}, { store: true }, { store: null }, { store: false }].map((body) => creates(body, responses)),
    ).toEqual(["response", "response", "response", undefined]);
    expect(
      [{}, { store: true }, { store: null }, { store: false }].map((body) => creates(body, chat)),
    ).toEqual([undefined, "completion", undefined, undefined]);
    expect(creates({ store: "false" }, responses)).toContain("true or false");
  });
});

describe("the input of a batch", () => {
  const batches = {
    method: "POST",
    url: "/openai/v1/batches",
    headers: ["content-type", "application/json"],
  };
  const objectsWith = (features: readonly Feature[]) => {
    const head = parseHead(batches, compileSurface([], features));
    const verdict = head.allowed ? parse({ input_file_id: "f-1" }, head.value) : head;
    return verdict.allowed ? verdict.value.objects : verdict.detail;
  };

  it("is a file, and lines that were read; a file of any kind where the operator says so", () => {
    const file = { kind: "file", id: "f-1" };
    expect(objectsWith([])).toEqual([file, { kind: "batch_input", id: "f-1" }]);
    expect(objectsWith(["uninspected-batches"])).toEqual([file]);
  });
});

describe("somebody's stored object", () => {
  it.each([
    ["in camel case", { previousResponseId: "resp_1" }, "previous_response_id"],
    ["a stored prompt", { prompt: { id: "pmpt_1" } }, "prompt"],
    ["an item", { input: [{ type: "item_reference", id: "msg_1" }] }, "input[].type"],
    [
      "an item with an escaped type",
      '{"model":"m","input":[{"type":"item\\u005freference","id":"x"}]}',
      "input[].type",
    ],
    ["an image", { input: [{ type: "image_generation_call", id: "ig_1" }] }, "input[].type"],
    ["reasoning by id only", { input: [{ type: "reasoning", id: "rs_1", summary: [] }] }, "input[]"],
    [
      "reasoning with an empty text",
      { input: [{ type: "reasoning", id: "rs_1", encrypted_content: "" }] },
      "input[]",
    ],
    // In the services' own description of a reference its type is optional.
    ["an item without a type", { input: [{ id: "msg_1" }] }, "input[]"],
    ["an item without a type, dressed up", { input: [{ id: "rs_1", role: "user", status: "x" }] }, "input[]"],
    ["a message by id only", { input: [{ type: "message", id: "msg_1", role: "user" }] }, "input[]"],
    ["a message with nothing in it", { input: [{ id: "msg_1", role: "user", content: null }] }, "input[]"],
    ["a compaction by id only", { input: [{ type: "compaction", id: "cmp_1" }] }, "input[]"],
    ["a search by id only", { input: [{ type: "web_search_call", id: "ws_1", status: "x" }] }, "input[]"],
    ["a call by id only", { input: [{ type: "function_call", id: "fc_1", call_id: "c" }] }, "input[]"],
    ["a result by id only", { input: [{ type: "function_call_output", id: "f", call_id: "c" }] }, "input[]"],
    // A response tells them as a list of items: a backend may take them so, too.
    [
      "an item as instructions",
      { instructions: [{ type: "item_reference", id: "m" }] },
      "instructions[].type",
    ],
    ["an item without a type as instructions", { instructions: [{ id: "msg_1" }] }, "instructions[]"],
    ["an unknown item", { input: [{ type: "configuration_update" }] }, "input[].type"],
    ["an unknown tool", { tools: [{ type: "memory_search" }] }, "tools[].type"],
    ["a tool's type as a list", { tools: [{ type: ["image_generation"] }] }, "tools[].type"],
  ])("is refused: %s", (_, body, place) => {
    const verdict = parse(typeof body === "string" ? body : { model: "m", ...body }, responses);
    expect(verdict).toMatchObject({ allowed: false, code: "request_malformed" });
    expect(detail(verdict)).toContain(place);
  });

  it("is refused in chat: a voice that somebody had made", () => {
    const audio = { format: "wav", voice: { id: "voice_1" } };
    expect(detail(parse({ model: "m", messages: [], audio }))).toContain("audio.voice");
    expect(detail(parse({ model: "m", messages: [], audio: { ...audio, voice: "alloy" } }))).toBe("allowed");
  });

  it("is refused in a run of an eval: an agent, and a source of a kind that is not known", () => {
    const run = headOf("/openai/v1/evals/eval_1/runs");
    const source = { type: "file_id", id: "f-1" };
    const told = (data: object) => detail(parse({ data_source: { source, ...data } }, run));
    expect(told({ type: "jsonl" })).toBe("allowed");
    expect(told({ type: "azure_ai_target_completions" })).toContain("data_source.type");
    expect(told({ type: "completions", target: { type: "azure_ai_agent", name: "x" } })).toContain("target");
  });

  it("is refused in chat: an earlier answer's audio", () => {
    expect(
      detail(parse({ model: "m", messages: [{ role: "assistant", audio: { id: "audio_1" } }] })),
    ).toContain("messages[].audio.id");
  });
});
