import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { AzureOpenAI, OpenAI, toFile } from "openai";
import { Agent } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

/** Every byte there is, and none that is text: an answer that somebody decoded would not come back as this. */
const sound = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
const image = { created: 1, data: [{ b64_json: sound.toString("base64") }] };

let world: World;
/** What the local Azure does not do: sounds and images. */
let media: Server;
const mediaPaths: (string | undefined)[] = [];
let dispatcher: Agent;
let v1: OpenAI;
let azure: AzureOpenAI;

beforeAll(async () => {
  const pki = await createTestPki();
  media = createServer({ cert: pki.server.chainPem, key: pki.server.keyPem }, (request, response) => {
    mediaPaths.push(request.url);
    request.resume().on("end", () => {
      const path = request.url ?? "";
      if (path.includes("/audio/speech"))
        return void response.writeHead(200, { "content-type": "audio/mpeg" }).end(sound);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(image));
    });
  }).listen(0, "127.0.0.1");
  await once(media, "listening");
  world = await startWorld({
    pki,
    configure(config) {
      config["backends"].media = {
        ...config["backends"].main,
        endpoint: `https://localhost:${(media.address() as AddressInfo).port}`,
      };
      config["deployments"].media = { backend: "media" };
      config["ownership"] = { ...config["ownership"], backend: "main" };
      config["clients"]["device-1"] = {
        ...config["clients"]["device-1"],
        deployments: ["gpt-test", "media"],
        operations: ["inference", "files", "batches", "conversations", "vector-stores"],
      };
    },
  });
  const { client, root } = pki;
  dispatcher = new Agent({ connect: { ca: root.pem, cert: client.chainPem, key: client.keyPem } });
  const shared = { apiKey: "none-is-needed", fetchOptions: { dispatcher }, maxRetries: 0 };
  v1 = new OpenAI({ ...shared, baseURL: `${world.url}/openai/v1/` });
  azure = new AzureOpenAI({ ...shared, endpoint: world.url, apiVersion: "2024-10-21" });
});
afterAll(async () => {
  await dispatcher.close();
  await world.stop();
  media.closeAllConnections();
  media.close();
});

const model = "gpt-test";
const messages = [{ role: "user" as const, content: "say hello" }];

describe("the official client's inference", () => {
  it("streams a chat to its usage", async () => {
    const stream = await v1.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let tokens;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      tokens = chunk.usage?.total_tokens ?? tokens;
    }
    expect([text, tokens]).toEqual(["You said: say hello", 6]);
  });

  it("streams a response, event by event", async () => {
    const types: string[] = [];
    let text = "";
    for await (const event of await v1.responses.create({ model, input: "say hello", stream: true })) {
      types.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    expect(text).toBe("You said: say hello");
    expect([types[0], types.at(-1)]).toEqual(["response.created", "response.completed"]);
  });

  it("goes on with a response, reads it back and deletes it", async () => {
    const first = await v1.responses.create({ model, input: "one" });
    const second = await v1.responses.create({ model, input: "two", previous_response_id: first.id });
    expect((await v1.responses.retrieve(second.id)).id).toBe(second.id);
    expect((await v1.responses.inputItems.list(second.id)).data).toEqual([]);
    await v1.responses.delete(first.id);
    await expect(v1.responses.retrieve(first.id)).rejects.toMatchObject({ status: 404 });
  });

  it.each(["v1", "azure"])("completes and embeds through %s", async (which) => {
    const client = which === "v1" ? v1 : azure;
    const completion = await client.completions.create({ model, prompt: "say hello" });
    expect(completion.choices[0]?.text).toBe("You said: say hello");
    const embedded = await client.embeddings.create({
      model,
      input: ["one", "two"],
      encoding_format: "float",
    });
    expect(embedded.data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
  });

  it("lists the models that are granted, and gets one", async () => {
    const { data } = await v1.models.list();
    expect(data.map(({ id }) => id).toSorted()).toEqual(["gpt-test", "media"]);
    expect((await v1.models.retrieve(model)).id).toBe(model);
    await expect(v1.models.retrieve("gpt-other")).rejects.toMatchObject({ status: 403 });
  });

  it.each(["v1", "azure"])("speaks and draws through %s, byte for byte", async (which) => {
    const client = which === "v1" ? v1 : azure;
    mediaPaths.length = 0;
    const speech = await client.audio.speech.create({ model: "media", input: "hello", voice: "alloy" });
    expect(Buffer.from(await speech.arrayBuffer()).equals(sound)).toBe(true);
    const drawn = await client.images.generate({ model: "media", prompt: "a gate" });
    expect(drawn.data?.[0]?.b64_json).toBe(image.data[0]?.b64_json);
    const edited = await client.images.edit({
      model: "media",
      prompt: "a wall",
      image: await toFile(sound, "gate.png", { type: "image/png" }),
    });
    expect(edited.data).toHaveLength(1);
    expect(mediaPaths).toHaveLength(3);
  });
});

describe("the official client's objects", () => {
  it("runs a batch from its file to its output", async () => {
    const line = { custom_id: "1", method: "POST", url: "/v1/chat/completions", body: { model, messages } };
    const file = await v1.files.create({
      purpose: "batch",
      file: await toFile(Buffer.from(`${JSON.stringify(line)}\n`), "in.jsonl"),
    });
    const made = await v1.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
    });
    const done = await v1.batches.retrieve(made.id);
    expect(done.status).toBe("completed");
    const output = await v1.files.content(String(done.output_file_id));
    expect(await output.text()).toContain('"custom_id":"1"');
    expect(await v1.files.delete(file.id)).toMatchObject({ deleted: true });
  });

  it("keeps a conversation and a vector store", async () => {
    const conversation = await v1.conversations.create({ metadata: { topic: "gates" } });
    expect((await v1.conversations.retrieve(conversation.id)).id).toBe(conversation.id);
    const store = await v1.vectorStores.create({ name: "plans" });
    expect((await v1.vectorStores.retrieve(store.id)).name).toBe("plans");
    expect(await v1.vectorStores.delete(store.id)).toMatchObject({ deleted: true });
  });
});

describe("the official client's faults", () => {
  it("are the backend's own, with its Retry-After", async () => {
    world.azure.openAi.faults.next({
      kind: "answer",
      status: 429,
      headers: { "retry-after": "9" },
      body: { error: { code: "429", message: "slow down" } },
    });
    await expect(v1.chat.completions.create({ model, messages })).rejects.toMatchObject({
      status: 429,
      message: expect.stringContaining("slow down"),
    });
  });

  it("are retried by the client itself where it is told to", async () => {
    world.azure.openAi.faults.next({ kind: "answer", status: 503, headers: { "retry-after-ms": "10" } });
    const answer = await v1.chat.completions.create({ model, messages }, { maxRetries: 2 });
    expect(answer.choices[0]?.message.content).toBe("You said: say hello");
  });

  it("end a stream that breaks off, and never look like its end", async () => {
    world.azure.openAi.faults.next({ kind: "reset-midway" });
    const stream = await v1.chat.completions.create({ model, messages, stream: true });
    const reading = (async () => {
      for await (const chunk of stream) expect(chunk.object).toBe("chat.completion.chunk");
    })();
    await expect(reading).rejects.toThrow(/terminated|aborted|reset/i);
  });
});
