import { AzureOpenAI, OpenAI } from "openai";
import { Agent, fetch as undiciFetch, request } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";

import type { LocalAzure } from "../../../../src/dev/azure/local-azure.ts";
import { localAzure } from "../../../support/local-azure.ts";
import { testPki } from "../../../support/test-pki.ts";

const audience = "https://cognitiveservices.azure.com";
const chatPath = "/openai/deployments/gpt-test/chat/completions?api-version=2024-10-21";
const ask = (content: string, more: object = {}) =>
  JSON.stringify({ model: "gpt-test", messages: [{ role: "user", content }], ...more });

async function caller(azure: LocalAzure) {
  const { root } = await testPki();
  const agent = new Agent({ connect: { ca: root.pem } });
  onTestFinished(() => agent.destroy());
  const { token } = azure.tokens.issue(audience, 60);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const post = (path: string, body: string, more: object = {}) =>
    request(azure.openAi.url + path, { method: "POST", body, headers, dispatcher: agent, ...more });
  const fetch = ((url: string, init: object) =>
    undiciFetch(url, { ...init, dispatcher: agent })) as unknown as typeof globalThis.fetch;
  const classic = new AzureOpenAI({
    endpoint: azure.openAi.url,
    apiVersion: "2024-10-21",
    azureADTokenProvider: async () => token,
    fetch,
    maxRetries: 0,
  });
  const v1 = new OpenAI({ baseURL: `${azure.openAi.url}/openai/v1`, apiKey: token, fetch, maxRetries: 0 });
  return { post, headers, classic, v1 };
}

describe("local Azure OpenAI, through the official client", () => {
  it("answers a chat completion with the prompt's words, the model's name and a usage", async () => {
    const { classic } = await caller(await localAzure());
    const answer = await classic.chat.completions.create({
      model: "gpt-test",
      messages: [{ role: "user", content: "say ping" }],
    });
    expect(answer.choices[0]?.message.content).toBe("You said: say ping");
    expect(answer.model).toBe("gpt-4o");
    expect(answer.usage).toEqual({ prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 });
  });

  it("streams a chat completion, with usage in the last chunk when asked", async () => {
    const { classic } = await caller(await localAzure());
    const stream = await classic.chat.completions.create({
      model: "gpt-test",
      messages: [{ role: "user", content: "say ping" }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    const usages: unknown[] = [];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (chunk.usage) usages.push(chunk.usage);
    }
    expect(text).toBe("You said: say ping");
    expect(usages).toEqual([{ prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 }]);
  });

  it("serves completions and embeddings in both forms", async () => {
    const { classic, v1 } = await caller(await localAzure());
    for (const client of [classic, v1]) {
      const completion = await client.completions.create({ model: "gpt-test", prompt: "ping" });
      const input = ["a", "b"];
      const embeddings = await client.embeddings.create({
        model: "gpt-test",
        input,
        encoding_format: "float",
      });
      expect(completion.choices[0]?.text).toBe("You said: ping");
      expect(embeddings.data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
      expect(embeddings.data[0]?.embedding).not.toEqual(embeddings.data[1]?.embedding);
    }
  });

  it("serves responses, whole and as typed events", async () => {
    const { v1 } = await caller(await localAzure());
    const whole = await v1.responses.create({ model: "gpt-test", input: "ping" });
    const stream = await v1.responses.create({ model: "gpt-test", input: "ping", stream: true });
    const types: string[] = [];
    let text = "";
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    expect(whole.output_text).toBe("You said: ping");
    expect(text).toBe("You said: ping");
    expect(types[0]).toBe("response.created");
    expect(types.at(-1)).toBe("response.completed");
  });

  it("lists its deployments as models", async () => {
    const { v1 } = await caller(await localAzure());
    const ids = (await v1.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(["gpt-test"]);
  });

  it("does not know other deployments", async () => {
    const { classic, v1 } = await caller(await localAzure());
    const unknown = { model: "other", messages: [{ role: "user" as const, content: "x" }] };
    for (const client of [classic, v1])
      await expect(client.chat.completions.create(unknown)).rejects.toMatchObject({
        status: 404,
        code: "DeploymentNotFound",
      });
  });
});

describe("local Azure OpenAI, on the wire", () => {
  it.each([
    ["no token", {}],
    ["an api-key instead", { "api-key": "secret" }],
    ["an unknown token", { authorization: "Bearer made-up" }],
  ])("refuses %s", async (_, headers) => {
    const { post } = await caller(await localAzure());
    const answer = await post(chatPath, ask("x"), { headers });
    expect(answer.statusCode).toBe(401);
    expect(await answer.body.json()).toMatchObject({ error: { code: "Unauthorized" } });
  });

  it("refuses a token for the vault", async () => {
    const azure = await localAzure();
    const { post } = await caller(azure);
    const { token } = azure.tokens.issue("https://vault.azure.net", 60);
    const answer = await post(chatPath, ask("x"), { headers: { authorization: `Bearer ${token}` } });
    expect(answer.statusCode).toBe(401);
    await answer.body.dump();
  });

  it("records a request byte for byte", async () => {
    const azure = await localAzure();
    const { post, headers } = await caller(azure);
    const body = ask("späce   ");
    const target = `${chatPath}&x=%2f%2F`;
    const answer = await post(target, body, { headers: { ...headers, "X-Odd-Case": "Yes" } });
    await answer.body.dump();
    const { last } = azure.openAi.requests;
    expect(last?.url).toBe(target);
    expect(await last?.body).toEqual(Buffer.from(body));
    expect(last?.rawHeaders).toContain("X-Odd-Case");
    expect(await last?.outcome).toBe("answered");
  });

  it("carries Azure's tracing and limit headers", async () => {
    const { post } = await caller(await localAzure());
    const { headers, body } = await post(chatPath, ask("x"));
    await body.dump();
    expect(headers).toMatchObject({ "x-ratelimit-remaining-requests": "999" });
    expect(headers["apim-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("tells when a caller left in the middle of a stream", async () => {
    const azure = await localAzure();
    const { post } = await caller(azure);
    azure.openAi.setPace({ afterEvent: () => new Promise(() => {}) });
    const arrived = azure.openAi.requests.next();
    const leaving = new AbortController();
    const answer = await post(chatPath, ask("x", { stream: true }), { signal: leaving.signal });
    const received = await arrived;
    answer.body.once("error", () => {});
    leaving.abort();
    expect(await received.outcome).toBe("aborted");
  });

  it("sends a stream of any size no faster than it is taken", async () => {
    const azure = await localAzure();
    const { post } = await caller(azure);
    const bytes = 8 * 1024 * 1024;
    azure.openAi.setPace({ bytes });
    const answer = await post(chatPath, ask("x", { stream: true }));
    const received = azure.openAi.requests.last;
    const reader = answer.body[Symbol.asyncIterator]();
    await reader.next();
    expect(received?.sentBytes()).toBeLessThan(bytes);
    let size = 0;
    for (let step = await reader.next(); step.done !== true; step = await reader.next())
      size += (step.value as Buffer).length;
    expect(size).toBeGreaterThan(bytes - 100_000);
    expect(received?.sentBytes()).toBeGreaterThanOrEqual(bytes);
  });

  it("resets before an answer, and in the middle of one", async () => {
    const azure = await localAzure();
    const { post } = await caller(azure);
    azure.openAi.faults.next({ kind: "reset" });
    await expect(post(chatPath, ask("x"))).rejects.toMatchObject({ code: "ECONNRESET" });
    azure.openAi.faults.next({ kind: "reset-midway" }, 2);
    for (const more of [{}, { stream: true }]) {
      const answer = await post(chatPath, ask("x", more));
      expect(answer.statusCode).toBe(200);
      await expect(answer.body.text()).rejects.toMatchObject({ code: "ECONNRESET" });
    }
  });

  it("answers late when told to, and with any status and headers", async () => {
    const azure = await localAzure();
    const { post } = await caller(azure);
    azure.openAi.faults.next({ kind: "delay", ms: 50 });
    azure.openAi.faults.next({ kind: "answer", status: 429, headers: { "retry-after-ms": "70" } });
    const begun = performance.now();
    const late = await post(chatPath, ask("x"));
    expect(performance.now() - begun).toBeGreaterThanOrEqual(49);
    const limited = await post(chatPath, ask("x"));
    expect([late.statusCode, limited.statusCode]).toEqual([200, 429]);
    expect(limited.headers["retry-after-ms"]).toBe("70");
    await Promise.all([late.body.dump(), limited.body.dump()]);
  });
});
