import { AzureOpenAI, OpenAI } from "openai";
import { Agent } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let dispatcher: Agent;
beforeAll(async () => {
  world = await startWorld();
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
    const openai = new OpenAI({
      baseURL: `${world.url}/openai/v1/`,
      apiKey: "none-is-needed",
      fetchOptions: { dispatcher },
      maxRetries: 0,
    });
    const answer = await openai.responses.create({ model: "gpt-test", input: "say hello" });
    expect(answer.output_text).toContain("hello");
  });

  it("prints the gateway's reason when it is refused", async () => {
    await expect(azure().chat.completions.create({ model: "gpt-other", messages })).rejects.toMatchObject({
      status: 403,
      code: "deployment_not_permitted",
      type: "permission_error",
    });
  });
});
