import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalAzure, type LocalAzure } from "../../src/dev/azure/local-azure.ts";
import { operationGroups } from "../../src/model/operation-group.ts";
import type { Question } from "../support/ask.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

/** As the built-in table is, and with what an operator wrote beside it. */
let plain: World;
let extended: World;
let azure: LocalAzure;
let pki: TestPki;

const gateway = (more: object): Promise<World> =>
  startWorld({
    pki,
    azure,
    configure(config) {
      Object.assign(config, more);
      config["ownership"] = { backend: "main" };
      config["clients"]["device-1"].operations = [...operationGroups];
    },
  });

beforeAll(async () => {
  pki = await createTestPki();
  azure = await startLocalAzure({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    deployments: { "gpt-test": "gpt-4o", "gpt-other": "gpt-4o" },
  });
  plain = await gateway({});
  extended = await gateway({
    operations: [
      {
        name: "rerank",
        group: "inference",
        method: "POST",
        path: "/openai/v1/rerank",
        shape: "embeddings",
        deployment: "body",
      },
      {
        name: "drafts",
        group: "files",
        method: "POST",
        path: "/openai/deployments/{deployment}/drafts/{file}",
        deployment: "path",
        query: ["limit"],
      },
    ],
    features: ["data-sources", "background-responses", "uninspected-batches"],
  });
});
afterAll(async () => {
  await Promise.all([plain.stop(), extended.stop()]);
  await azure.stop();
});

/** What came of it: how it was answered, by whom, and whether the backend heard of it. */
async function ask(world: World, question: Question) {
  const before = azure.openAi.requests.count;
  const { status, headers } = await world.ask(question);
  const reached = azure.openAi.requests.count - before;
  return { status, reason: headers["x-certgate-reason"], reached };
}
const refused = (status: number, reason: string) => ({ status, reason, reached: 0 });
// The local Azure does not have these operations: its 404 says that the request arrived there.
const arrived = (status: number) => ({ status, reason: undefined, reached: 1 });

describe("a row of the operator's own", () => {
  const rerank = (change: object = {}): Question => ({
    path: "/openai/v1/rerank",
    body: { model: "gpt-test", input: "x", ...change },
  });

  it("makes an operation that is unknown without it", async () => {
    expect(await ask(plain, rerank())).toEqual(refused(404, "operation_unknown"));
    expect(await ask(extended, rerank())).toEqual(arrived(404));
  });

  it("is logged under its name, with its deployment", async () => {
    const { headers } = await extended.ask(rerank());
    const id = headers["x-certgate-request-id"];
    await expect
      .poll(async () => (await extended.log()).find((line) => line["requestId"] === id))
      .toMatchObject({ operation: "rerank", deployment: "gpt-test", decision: "allowed" });
  });

  it("is inspected like the others", async () => {
    const malformed = refused(400, "request_malformed");
    expect(await ask(extended, { ...rerank(), body: { input: "x" } })).toEqual(malformed);
    const twice = {
      headers: { "content-type": "application/json" },
      body: '{"model":"gpt-test","model":"gpt-other"}',
    };
    expect(await ask(extended, { ...rerank(), ...twice })).toEqual(malformed);
    expect(await ask(extended, { ...rerank(), path: "/openai/v1/rerank?model=gpt-other" })).toEqual(
      malformed,
    );
    expect(await ask(extended, rerank({ reranker_model: "gpt-other" }))).toEqual(
      refused(403, "deployment_not_permitted"),
    );
  });

  it("is granted like the others", async () => {
    expect(await ask(extended, rerank({ model: "gpt-other" }))).toEqual(
      refused(403, "deployment_not_permitted"),
    );
  });

  it("has the owner of the object in its path checked", async () => {
    const path = "/openai/deployments/gpt-test/drafts/file-nobodys";
    const { status, reason, reached } = await ask(extended, { path, method: "POST" });
    expect([status, reason, reached]).toEqual([404, "object_not_found", 0]);
  });
});

describe("the switch data-sources", () => {
  const search = (deployment: string): Question => ({
    path: "/openai/v1/chat/completions",
    body: {
      model: "gpt-test",
      messages: [{ role: "user", content: "x" }],
      data_sources: [
        {
          type: "azure_search",
          parameters: {
            endpoint: "https://search.example",
            index_name: "i",
            embedding_dependency: { type: "deployment_name", deployment_name: deployment },
          },
        },
      ],
    },
  });

  it("is off: nothing of the kind passes", async () => {
    expect(await ask(plain, search("gpt-test"))).toEqual(refused(403, "operation_not_permitted"));
  });

  it("is on: the deployment that embeds must be granted", async () => {
    expect(await ask(extended, search("gpt-test"))).toEqual(arrived(200));
    expect(await ask(extended, search("gpt-other"))).toEqual(refused(403, "deployment_not_permitted"));
  });
});

describe("the switch background-responses", () => {
  const later: Question = {
    path: "/openai/v1/responses",
    body: { model: "gpt-test", input: "x", background: true },
  };

  it("is off: no response outlives its caller", async () => {
    expect(await ask(plain, later)).toEqual(refused(403, "operation_not_permitted"));
    const now = { ...later, body: { model: "gpt-test", input: "x", background: false } };
    expect(await ask(plain, now)).toEqual(arrived(200));
  });

  it("is on", async () => {
    expect(await ask(extended, later)).toEqual(arrived(200));
  });
});

describe("the switch uninspected-batches", () => {
  const inParts: Question = {
    path: "/openai/v1/uploads",
    body: { purpose: "batch", filename: "a.jsonl", bytes: 1, mime_type: "application/jsonl" },
  };
  const outOfABlob: Question = {
    path: "/openai/v1/batches",
    body: {
      input_blob: "https://blobs.example/in.jsonl",
      endpoint: "/chat/completions",
      completion_window: "24h",
    },
  };

  it("is off: a batch's lines are read, or it does not come in", async () => {
    expect(await ask(plain, inParts)).toEqual(refused(403, "operation_not_permitted"));
    expect(await ask(plain, outOfABlob)).toEqual(refused(403, "operation_not_permitted"));
    const file = { ...inParts, body: { ...(inParts.body as object), purpose: "assistants" } };
    expect(await ask(plain, file)).toEqual(arrived(404));
  });

  it("is on", async () => {
    expect(await ask(extended, inParts)).toEqual(arrived(404));
    expect(await ask(extended, outOfABlob)).toEqual(arrived(200));
  });
});
