import { describe, expect, it } from "vitest";
import { readRealtimeFrame } from "../../../src/target/realtime-frame.ts";

const read = (message: unknown, kind: "realtime" | "responses" = "realtime") =>
  readRealtimeFrame(typeof message === "string" ? message : JSON.stringify(message), kind);
const named = (message: unknown, kind: "realtime" | "responses" = "realtime") => {
  const verdict = read(message, kind);
  return verdict.allowed ? verdict.value.deployments : verdict.detail;
};

describe("a message of the Realtime API", () => {
  it.each<[object, readonly string[]]>([
    [{ type: "session.update", session: { instructions: "x" } }, []],
    [{ type: "session.update", session: { model: "rt" } }, ["rt"]],
    [{ type: "session.update", session: { input_audio_transcription: { model: "whisper" } } }, ["whisper"]],
    [
      { type: "session.update", session: { audio: { input: { transcription: { model: "whisper" } } } } },
      ["whisper"],
    ],
    [
      { type: "transcription_session.update", session: { input_audio_transcription: { model: "whisper" } } },
      ["whisper"],
    ],
    [{ type: "session.update", session: { input_audio_transcription: null, model: "rt" } }, ["rt"]],
    [{ type: "input_audio_buffer.append", audio: "AAAA", event_id: "e" }, []],
    [{ type: "input_audio_buffer.commit" }, []],
    [
      {
        type: "conversation.item.create",
        previous_item_id: "root",
        item: { id: "i", type: "function_call_output", call_id: "c", output: "x" },
      },
      [],
    ],
    [{ type: "conversation.item.truncate", item_id: "i", content_index: 0, audio_end_ms: 1 }, []],
    [{ type: "response.create", response: { conversation: "none", metadata: { model: "x" } } }, []],
    [{ type: "response.cancel", response_id: "r" }, []],
    [{ type: "something.new", level: 1 }, []],
    [
      {
        type: "session.update",
        session: { tools: [{ type: "function", parameters: { properties: { model: {} } } }] },
      },
      [],
    ],
  ])("names: %j", (message, deployments) => {
    expect(named(message)).toEqual(deployments);
  });

  it.each<[string, unknown]>([
    ["a model at the top", { type: "response.create", model: "x" }],
    ["a model of a response", { type: "response.create", response: { model: "x" } }],
    ["a model of an unknown type", { type: "something.new", options: { model: "x" } }],
    ["a deployment", { type: "session.update", session: { deployment: "x" } }],
    [
      "a deployment of the transcription",
      { type: "session.update", session: { input_audio_transcription: { deployment_id: "x" } } },
    ],
    ["a model that is a list", { type: "session.update", session: { model: ["x"] } }],
    ["a model that is no name", { type: "session.update", session: { model: "a/b" } }],
    ["a stored prompt", { type: "session.update", session: { prompt: { id: "pmpt_1" } } }],
    ["another conversation", { type: "response.create", response: { conversation: "conv_1" } }],
    ["a voice by its id", { type: "session.update", session: { voice: { id: "voice_1" } } }],
    ["an unknown tool", { type: "session.update", session: { tools: [{ type: "image_generation" }] } }],
    ["a key in another case", { type: "session.update", Session: { model: "x" } }],
    ["an escaped key", '{"type":"session.update","session":{"mod\\u0065l":"x"}}'],
    ["an escaped model", '{"type":"session.update","session":{"model":"\\u0078"}}'],
    ["two models", '{"type":"session.update","session":{"model":"a","model":"b"}}'],
    ["two sessions", '{"type":"session.update","session":{},"session":{"model":"b"}}'],
    ["no type", { session: {} }],
    ["a type that is a list", { type: ["session.update"] }],
    ["two types", '{"type":"session.update","type":"response.create"}'],
    ["two messages", '{"type":"a"}{"type":"b"}'],
    ["a list of messages", '[{"type":"a"}]'],
    ["no JSON", "hello"],
    ["nothing", ""],
  ])("is refused: %s", (_, message) => {
    expect(read(message)).toMatchObject({ allowed: false });
  });

  it("names a file of an item as an object", () => {
    expect(
      read({
        type: "conversation.item.create",
        item: { content: [{ type: "input_image", file_id: "f-1" }] },
      }),
    ).toMatchObject({ allowed: true, value: { objects: [{ kind: "file", id: "f-1" }] } });
  });
});

describe("a message of the Responses API", () => {
  it("names what a request's body would", () => {
    expect(
      read(
        {
          type: "response.create",
          stream_id: "s",
          model: "gpt-4o",
          previous_response_id: "resp_1",
          input: [],
          tools: [{ type: "mcp", model: "tool" }],
        },
        "responses",
      ),
    ).toMatchObject({
      allowed: true,
      value: {
        type: "response.create",
        deployments: ["gpt-4o", "tool"],
        objects: [{ kind: "response", id: "resp_1" }],
      },
    });
  });

  it.each<[string, unknown]>([
    // As the Realtime API has it: who reads both would find what this does not.
    [
      "a response of its own",
      { type: "response.create", model: "m", response: { input: [{ type: "item_reference", id: "x" }] } },
    ],
    ["no model", { type: "response.create", input: "x" }],
    ["a model deeper down", { type: "response.create", response: { model: "x" } }],
    ["a model in both places", { type: "response.create", model: "m", response: { model: "x" } }],
    ["a model that is no name", { type: "response.create", model: "*" }],
    ["an empty model", { type: "response.create", model: "" }],
    ["an image tool", { type: "response.create", model: "m", tools: [{ type: "image_generation" }] }],
    ["in the background", { type: "response.create", model: "m", background: true }],
    ["no type", { model: "m" }],
    ["an unknown type with a stored object", { type: "response.steer", response_id: "resp_1" }],
  ])("is refused: %s", (_, message) => {
    expect(read(message, "responses")).toMatchObject({ allowed: false });
  });

  it("may draw images where the head named a deployment for it", () => {
    const message = { type: "response.create", model: "m", tools: [{ type: "image_generation" }] };
    expect(readRealtimeFrame(JSON.stringify(message), "responses", { drawsImages: true })).toMatchObject({
      allowed: true,
    });
  });

  it("of an unknown type names its model too", () => {
    expect(named({ type: "response.warm", model: "x" }, "responses")).toEqual(["x"]);
  });
});
