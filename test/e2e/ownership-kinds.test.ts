import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalAzure, type LocalAzure } from "../../src/dev/azure/local-azure.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { operationGroups } from "../../src/model/operation-group.ts";
import type { Question } from "../support/ask.ts";
import { hasRedis, startRedis, type RedisServer } from "../support/redis-server.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let pki: TestPki;
let azure: LocalAzure;
let second: IssuedCertificate;
let folder: string;

beforeAll(async () => {
  pki = await createTestPki();
  second = await pki.intermediate.issue({ subject: "CN=device-2" });
  folder = await mkdtemp(join(tmpdir(), "certgate-e2e-kinds-"));
  azure = await startLocalAzure({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    deployments: { "gpt-test": "gpt-4o", "gpt-other": "gpt-4o" },
  });
});
afterAll(async () => {
  await azure.stop();
  await rm(folder, { recursive: true });
});

const gateway = (ownership: object): Promise<World> =>
  startWorld({
    pki,
    azure,
    configure(config) {
      config["ownership"] = { ...ownership, backend: "main" };
      const rights = { deployments: ["gpt-test"], operations: [...operationGroups] };
      config["clients"] = {
        "device-1": { thumbprints: [pki.client.thumbprint], ...rights },
        "device-2": { thumbprints: [second.thumbprint], ...rights },
      };
    },
  });

const v1 = "/openai/v1";
const form = (purpose: string, text: string): Question => ({
  path: `${v1}/files`,
  headers: { "content-type": "multipart/form-data; boundary=b" },
  body:
    `--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n${purpose}\r\n` +
    `--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n${text}\r\n--b--\r\n`,
});
const line =
  '{"custom_id":"1","method":"POST","url":"/chat/completions","body":{"model":"gpt-test","messages":[]}}';
const post = (path: string, body?: object): Question => ({
  method: "POST",
  path: `${v1}/${path}`,
  ...(body === undefined ? {} : { body }),
});
const get = (path: string): Question => ({ path: `${v1}/${path}` });
const remove = (path: string): Question => ({ method: "DELETE", path: `${v1}/${path}` });
const message = { role: "user", content: "x" };

interface Kind {
  readonly make: (own: (question: Question) => Promise<string>) => Promise<string>;
  /** All that reaches one, by what it is called; the last one may end it. */
  readonly verbs: (id: string) => Readonly<Record<string, Question>>;
}

/** Each kind that the services keep and the local Azure has, with each operation of the table that names one. */
const kinds: Readonly<Record<string, Kind>> = {
  response: {
    make: (own) => own(post("responses", { model: "gpt-test", input: "x" })),
    verbs: (id) => ({
      read: get(`responses/${id}`),
      stream: get(`responses/${id}?stream=true`),
      "read the input": get(`responses/${id}/input_items`),
      "read, dated": { path: `/openai/responses/${id}?api-version=2025-04-01-preview` },
      cancel: post(`responses/${id}/cancel`),
      delete: remove(`responses/${id}`),
    }),
  },
  file: {
    make: (own) => own(form("assistants", "secret")),
    verbs: (id) => ({
      read: get(`files/${id}`),
      "read, dated": { path: `/openai/files/${id}?api-version=2024-10-21` },
      "read the content": get(`files/${id}/content`),
      "use for a vector store": post("vector_stores", { file_ids: [id] }),
      "use for a message": post("responses", {
        model: "gpt-test",
        input: [{ role: "user", content: [{ type: "input_file", file_id: id }] }],
      }),
      "use for an assistant": post("assistants", {
        model: "gpt-test",
        tool_resources: { code_interpreter: { file_ids: [id] } },
      }),
      "use for tuning": post("fine_tuning/jobs", { model: "gpt-4o", training_file: id }),
      delete: remove(`files/${id}`),
    }),
  },
  batch: {
    async make(own) {
      const file = await own(form("batch", line));
      return own(
        post("batches", {
          input_file_id: file,
          endpoint: "/chat/completions",
          completion_window: "24h",
        }),
      );
    },
    verbs: (id) => ({
      read: get(`batches/${id}`),
      "read, dated": { path: `/openai/batches/${id}?api-version=2024-10-21` },
      cancel: post(`batches/${id}/cancel`),
    }),
  },
  thread: {
    make: (own) => own(post("threads", {})),
    verbs: (id) => ({
      read: get(`threads/${id}`),
      update: post(`threads/${id}`, { metadata: { a: "b" } }),
      write: post(`threads/${id}/messages`, message),
      "read the messages": get(`threads/${id}/messages`),
      "read a message": get(`threads/${id}/messages/msg_1`),
      "delete a message": remove(`threads/${id}/messages/msg_1`),
      "read the runs": get(`threads/${id}/runs`),
      "read a run": get(`threads/${id}/runs/run_1`),
      "cancel a run": post(`threads/${id}/runs/run_1/cancel`),
      "read the steps": get(`threads/${id}/runs/run_1/steps`),
      delete: remove(`threads/${id}`),
    }),
  },
  conversation: {
    make: (own) => own(post("conversations", {})),
    verbs: (id) => ({
      read: get(`conversations/${id}`),
      update: post(`conversations/${id}`, { metadata: { a: "b" } }),
      "go on": post("responses", { model: "gpt-test", input: "x", conversation: id }),
      "go on, by an object": post("responses", { model: "gpt-test", input: "x", conversation: { id } }),
      write: post(`conversations/${id}/items`, { items: [{ type: "message", ...message }] }),
      "read the items": get(`conversations/${id}/items`),
      "read an item": get(`conversations/${id}/items/msg_1`),
      "delete an item": remove(`conversations/${id}/items/msg_1`),
      delete: remove(`conversations/${id}`),
    }),
  },
  "vector store": {
    make: (own) => own(post("vector_stores", { name: "shelf" })),
    verbs: (id) => ({
      read: get(`vector_stores/${id}`),
      "read, dated": { path: `/openai/vector_stores/${id}?api-version=2024-10-21` },
      update: post(`vector_stores/${id}`, { name: "mine" }),
      search: post(`vector_stores/${id}/search`, { query: "x" }),
      "read the files": get(`vector_stores/${id}/files`),
      "read a file batch": get(`vector_stores/${id}/file_batches/vsfb_1`),
      "cancel a file batch": post(`vector_stores/${id}/file_batches/vsfb_1/cancel`),
      "use for a response": post("responses", {
        model: "gpt-test",
        input: "x",
        tools: [{ type: "file_search", vector_store_ids: [id] }],
      }),
      "use for a thread": post("threads", { tool_resources: { file_search: { vector_store_ids: [id] } } }),
      delete: remove(`vector_stores/${id}`),
    }),
  },
};

describe("in one SQLite file", () => {
  provesKinds(() => Promise.resolve({ file: join(folder, "ownership.sqlite") }));
});

describe.skipIf(!hasRedis)("in one Redis", () => {
  let redis: RedisServer;
  provesKinds(async () => {
    redis = await startRedis();
    return { redis: { url: redis.url } };
  });
  afterAll(() => redis.stop());
});

function provesKinds(store: () => Promise<object>): void {
  let ownership: object;
  let here: World;
  let there: World;
  beforeAll(async () => {
    ownership = await store();
    [here, there] = await Promise.all([gateway(ownership), gateway(ownership)]);
  });
  afterAll(() => Promise.all([here.stop(), there.stop()]));

  const own = async (question: Question): Promise<string> => {
    const answer = await here.ask(question);
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    return answer.json.id as string;
  };
  /** Asks; says who answered, why not, and how often the backend was asked. */
  const came = async (world: World, question: Question, who: IssuedCertificate) => {
    const before = azure.openAi.requests.count;
    const { headers } = await world.ask(question, who);
    return {
      by: headers["x-certgate-answered-by"],
      reason: headers["x-certgate-reason"],
      reached: azure.openAi.requests.count - before,
    };
  };
  const refused = { by: "gateway", reason: "object_not_found", reached: 0 };
  const served = { by: "backend", reason: undefined, reached: 1 };

  describe.each(Object.entries(kinds))("a %s", (_name, { make, verbs }) => {
    it.each(Object.keys(verbs("id")))("cannot be reached by another client to %s", async (verb) => {
      const id = await make(own);
      const question = verbs(id)[verb] as Question;
      for (const world of [here, there]) expect(await came(world, question, second)).toEqual(refused);
      // The very same question reaches the backend when its owner asks, through the other gateway.
      expect(await came(there, question, pki.client)).toEqual(served);
    });
  });

  it("nothing of it is reached after a restart either, but by who made it", async () => {
    const all = await Promise.all(
      Object.values(kinds).map(async ({ make, verbs }) => verbs(await make(own))),
    );
    await there.stop();
    there = await gateway(ownership);
    for (const question of all.flatMap((verbs) => Object.values(verbs)))
      expect({ question, ...(await came(there, question, second)) }).toEqual({ question, ...refused });
    for (const { read } of all) expect(await came(there, read as Question, pki.client)).toEqual(served);
  });
}
