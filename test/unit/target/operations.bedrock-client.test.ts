import {
  BedrockRuntimeClient,
  type BedrockRuntimeClientConfig,
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
  type ConverseCommandInput,
} from "@aws-sdk/client-bedrock-runtime";
import { describe, expect, it } from "vitest";
import type { Target } from "../../../src/model/target.ts";
import type { Verdict } from "../../../src/model/verdict.ts";
import { parseBody } from "../../../src/target/parse-body.ts";
import { parseHead } from "../../../src/target/parse-head.ts";
import { builtIn, compileSurface, type Surface } from "../../../src/target/surface.ts";

type Handler = Extract<NonNullable<BedrockRuntimeClientConfig["requestHandler"]>, { handle: unknown }>;
type Sent = Parameters<Handler["handle"]>[0];

let surface: Surface = builtIn;
let taken: Verdict<Target> | undefined;

/** Reads what the client would send, byte for byte, in place of sending it. */
const capture = {
  metadata: { handlerProtocol: "http/1.1" },
  async handle({ method, path, query, headers, body }: Sent): Promise<never> {
    const bytes = Buffer.from(body as Uint8Array);
    const search = new URLSearchParams(query as Record<string, string>).toString();
    const head = parseHead(
      {
        method,
        url: `${path}${search === "" ? "" : `?${search}`}`,
        headers: Object.entries(headers as Record<string, string>).flat(),
      },
      surface,
    );
    taken = head.allowed ? parseBody(head.value, bytes) : head;
    throw new Error("captured");
  },
};

const client = new BedrockRuntimeClient({
  region: "eu-central-1",
  endpoint: "https://gateway.example",
  credentials: { accessKeyId: "none-is-needed", secretAccessKey: "none-is-needed" },
  maxAttempts: 1,
  requestHandler: capture,
});

async function read(send: Promise<unknown>): Promise<Verdict<Target> | undefined> {
  taken = undefined;
  await expect(send).rejects.toThrow("captured");
  return taken;
}

const json = "application/json";
const rich: ConverseCommandInput = {
  modelId: "claude-haiku",
  system: [{ text: "be brief" }, { cachePoint: { type: "default" } }],
  messages: [
    {
      role: "user",
      content: [
        { text: "hello" },
        { image: { format: "png", source: { bytes: Buffer.from("png") } } },
        { document: { format: "pdf", name: "manual", source: { bytes: Buffer.from("pdf") } } },
      ],
    },
    {
      role: "assistant",
      content: [{ toolUse: { toolUseId: "t-1", name: "press", input: { model: "x-9", s3Location: 1 } } }],
    },
    {
      role: "user",
      content: [
        {
          toolResult: {
            toolUseId: "t-1",
            content: [{ json: { modelId: "x-9", arn: "y" } }],
            status: "success",
          },
        },
      ],
    },
  ],
  inferenceConfig: { maxTokens: 100, temperature: 0, topP: 0.5, stopSequences: ["x"] },
  toolConfig: {
    tools: [
      {
        toolSpec: {
          name: "press",
          inputSchema: { json: { type: "object", properties: { model: { type: "string" } } } },
        },
      },
    ],
    toolChoice: { auto: {} },
  },
  additionalModelRequestFields: { top_k: 200, thinking: { type: "enabled", budget_tokens: 1024 } },
  additionalModelResponseFieldPaths: ["/stop_sequence"],
  requestMetadata: { plant: "7" },
  performanceConfig: { latency: "optimized" },
  serviceTier: { type: "flex" },
  promptVariables: { model: { text: "x" } },
};

describe("what the AWS client sends is taken", () => {
  it.each([
    ["bedrock-converse", false, () => client.send(new ConverseCommand(rich))],
    ["bedrock-converse-stream", true, () => client.send(new ConverseStreamCommand(rich))],
    [
      "bedrock-invoke",
      false,
      () =>
        client.send(
          new InvokeModelCommand({
            modelId: "claude-haiku",
            contentType: json,
            accept: json,
            body: JSON.stringify({
              anthropic_version: "bedrock-2023-05-31",
              max_tokens: 10,
              metadata: { user_id: "u" },
              messages: [
                { role: "user", content: "hi" },
                {
                  role: "assistant",
                  content: [{ type: "tool_use", id: "t", name: "n", input: { model: "m" } }],
                },
                { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: "x" }] },
              ],
              tools: [{ name: "n", input_schema: { type: "object", properties: { model_id: {} } } }],
            }),
          }),
        ),
    ],
    [
      "bedrock-invoke-stream",
      true,
      () =>
        client.send(
          new InvokeModelWithResponseStreamCommand({
            modelId: "claude-haiku",
            contentType: json,
            body: JSON.stringify({ prompt: "hi", max_gen_len: 10 }),
          }),
        ),
    ],
    [
      "bedrock-count-tokens",
      false,
      () =>
        client.send(
          new CountTokensCommand({
            modelId: "claude-haiku",
            input: { converse: { messages: [{ role: "user", content: [{ text: "x" }] }] } },
          }),
        ),
    ],
  ])("%s", async (operation, stream, send) => {
    expect(await read(send())).toMatchObject({
      allowed: true,
      value: { operation, stream, deployments: ["claude-haiku"], objects: [], query: "" },
    });
  });
});

const say = (content: object) =>
  new ConverseCommand({
    modelId: "m",
    messages: [{ role: "user", content: [content as { text: string }] }],
  });
const invoke = (body: object, more: object = {}) =>
  new InvokeModelCommand({ modelId: "m", contentType: json, body: JSON.stringify(body), ...more });

describe("what the AWS client sends is refused", () => {
  it.each([
    ["a model id with a colon", new ConverseCommand({ ...rich, modelId: "anthropic.claude-v1:0" })],
    ["an ARN", new ConverseCommand({ ...rich, modelId: "arn:aws:bedrock:eu:1:inference-profile/x" })],
    ["a climbing model id", new ConverseCommand({ ...rich, modelId: ".." })],
    ["an image in S3", say({ image: { format: "png", source: { s3Location: { uri: "s3://b/k" } } } })],
    [
      "a document in S3 inside of what a tool said",
      say({
        toolResult: {
          toolUseId: "t",
          content: [{ document: { name: "d", format: "pdf", source: { s3Location: { uri: "s3://b/k" } } } }],
        },
      }),
    ],
    [
      "a guardrail in the body",
      new ConverseCommand({ ...rich, guardrailConfig: { guardrailIdentifier: "g", guardrailVersion: "1" } }),
    ],
    ["a guardrail in the headers", invoke({}, { guardrailIdentifier: "g", guardrailVersion: "1" })],
    [
      "a second model among a model's own fields",
      new ConverseCommand({ ...rich, additionalModelRequestFields: { model: "x" } }),
    ],
    ["a model in a body of the model's own", invoke({ model: "x" })],
    ["a model id in camel case", invoke({ modelId: "x" })],
    ["an ARN in a body of the model's own", invoke({ adapter: { arn: "arn:aws:x" } })],
    ["a tool that has a model", invoke({ tools: [{ type: "advisor", name: "a", model: "opus" }] })],
    ["media in S3", invoke({ mediaSource: { s3Location: { uri: "s3://b/k" } } })],
    ["a body that is not JSON", new InvokeModelCommand({ modelId: "m", contentType: json, body: "x" })],
    [
      "a body in base64",
      new CountTokensCommand({ modelId: "m", input: { invokeModel: { body: Buffer.from("{}") } } }),
    ],
  ])("with %s", async (_, command) => {
    expect(await read(client.send(command as ConverseCommand))).toMatchObject({ allowed: false });
  });

  it("unless the operator lets callers choose guardrails", async () => {
    surface = compileSurface([], ["guardrails"]);
    const guardrailConfig = {
      guardrailIdentifier: "arn:aws:bedrock:eu:1:guardrail/x",
      guardrailVersion: "1",
    };
    const verdict = await read(client.send(new ConverseCommand({ ...rich, guardrailConfig })));
    surface = builtIn;
    expect(verdict).toMatchObject({ allowed: true });
  });
});
