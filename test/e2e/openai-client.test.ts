import { AzureOpenAI, OpenAI, toFile } from "openai";
import { Agent } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let dispatcher: Agent;
beforeAll(async () => {
  world = await startWorld({
    configure(config) {
      config["clients"]["device-1"]["operations"] = ["inference", "files"];
    },
  });
  const { client, root } = world.pki;
  dispatcher = new Agent({ connect: { ca: root.pem, cert: client.chainPem, key: client.keyPem } });
});
afterAll(async () => {
  await dispatcher.close();
  await world.stop();
});

const messages = [{ role: "user" as const, content: "say hello" }];

describe("the official client", () => {
  const azure = () =>
    new AzureOpenAI({
      endpoint: world.url,
      apiVersion: "2024-10-21",
      apiKey: "none-is-needed",
      fetchOptions: { dispatcher },
      maxRetries: 0,
    });
  const v1 = () =>
    new OpenAI({
      baseURL: `${world.url}/openai/v1/`,
      apiKey: "none-is-needed",
      fetchOptions: { dispatcher },
      maxRetries: 0,
    });

  it("AzureOpenAI gets a completion", async () => {
    const answer = await azure().chat.completions.create({ model: "gpt-test", messages });
    expect(answer.choices[0]?.message.content).toContain("hello");
  });

  it("AzureOpenAI gets a stream", async () => {
    const stream = await azure().chat.completions.create({ model: "gpt-test", messages, stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toContain("hello");
  });

  it("OpenAI with the v1 base URL gets a response", async () => {
    const answer = await v1().responses.create({ model: "gpt-test", input: "say hello" });
    expect(answer.output_text).toContain("hello");
  });

  it("OpenAI uploads a file and reads it back", async () => {
    const file = await toFile(Buffer.from('{"text":"hello"}\n'), "training.jsonl");
    const made = await v1().files.create({ purpose: "fine-tune", file });
    expect(made).toMatchObject({ object: "file", filename: "training.jsonl", bytes: 17 });
    const content = await v1().files.content(made.id);
    expect(await content.text()).toBe('{"text":"hello"}\n');
  });

  it.each(["the file", "the model"])("OpenAI gets a transcription, %s first", async (first) => {
    const file = await toFile(Buffer.alloc(2 * 1024 * 1024), "speech.wav");
    const answer = await v1().audio.transcriptions.create(
      first === "the file" ? { file, model: "gpt-test" } : { model: "gpt-test", file },
    );
    expect(answer.text).toContain("2097152 bytes of speech.wav");
  });

  it("AzureOpenAI gets a transcription from the deployment in the path", async () => {
    const file = await toFile(Buffer.alloc(2 * 1024 * 1024), "speech.wav");
    const answer = await azure().audio.transcriptions.create({ model: "gpt-test", file });
    expect(answer.text).toContain("2097152 bytes of speech.wav");
  });

  it("prints the gateway's reason when it is refused", async () => {
    await expect(azure().chat.completions.create({ model: "gpt-other", messages })).rejects.toMatchObject({
      status: 403,
      code: "deployment_not_permitted",
      type: "permission_error",
    });
  });
});
