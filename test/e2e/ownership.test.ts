import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalAzure, type LocalAzure } from "../../src/dev/azure/local-azure.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { type Answer, begin, type Question } from "../support/ask.ts";
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
  folder = await mkdtemp(join(tmpdir(), "certgate-e2e-ownership-"));
  azure = await startLocalAzure({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    deployments: { "gpt-test": "gpt-4o", "gpt-other": "gpt-4o" },
  });
});
afterAll(async () => {
  await azure.stop();
  await rm(folder, { recursive: true });
});

const operations = ["inference", "files", "batches", "assistants", "vector-stores", "conversations"];

/** A gateway for two devices before the one Azure, which it knows under two names. */
const gateway = (ownership: object): Promise<World> =>
  startWorld({
    pki,
    azure,
    configure(config) {
      config["ownership"] = { ...ownership, backend: "main" };
      config["backends"]["other"] = config["backends"]["main"];
      config["deployments"]["gpt-other"] = { backend: "other" };
      config["clients"] = {
        "device-1": {
          thumbprints: [pki.client.thumbprint],
          deployments: ["gpt-test", "gpt-other"],
          operations,
        },
        "device-2": { thumbprints: [second.thumbprint], deployments: ["gpt-test"], operations },
      };
    },
  });

const v1 = "/openai/v1";
const respond = (change: object = {}): Question => ({
  path: `${v1}/responses`,
  body: { model: "gpt-test", input: "hello there", ...change },
});
const boundary = "a-boundary";
const upload = (text: string, purpose = "assistants"): Question => ({
  path: `${v1}/files`,
  headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
  body: [
    `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n${purpose}\r\n`,
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n`,
    `content-type: application/octet-stream\r\n\r\n${text}\r\n--${boundary}--\r\n`,
  ].join(""),
});
/** What a caller learns from an answer, ids and times taken out. */
const learnt = ({ status, headers, text }: Answer, id: string) => ({
  status,
  reason: headers["x-certgate-reason"],
  names: Object.keys(headers).toSorted(),
  text: text.replaceAll(id, "ID"),
});

describe("in one SQLite file", () => {
  provesOwnership(() => Promise.resolve({ file: join(folder, "ownership.sqlite") }));
});

describe.skipIf(!hasRedis)("in one Redis", () => {
  let redis: RedisServer;
  provesOwnership(async () => {
    redis = await startRedis();
    return { redis: { url: redis.url } };
  });
  afterAll(() => redis.stop());
});

function provesOwnership(store: () => Promise<object>): void {
  let ownership: object;
  let here: World;
  let there: World;
  beforeAll(async () => {
    ownership = await store();
    [here, there] = await Promise.all([gateway(ownership), gateway(ownership)]);
  });
  afterAll(() => Promise.all([here.stop(), there.stop()]));

  const mine = async (world: World, question: Question): Promise<string> => {
    const answer = await world.ask(question);
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('"id"')]);
    return answer.json.id as string;
  };
  /** Asks as the other client, and proves that the backend never heard of it. */
  const strange = async (question: Question, world = there): Promise<Answer> => {
    const before = azure.openAi.requests.count;
    const answer = await world.ask(question, second);
    expect(azure.openAi.requests.count).toBe(before);
    return answer;
  };

  it("a client reaches its own response through every gateway, until it deletes it", async () => {
    const id = await mine(here, respond());
    const path = `${v1}/responses/${id}`;
    for (const world of [here, there]) expect((await world.ask({ path })).json.id).toBe(id);
    expect((await there.ask({ path: `${path}/cancel`, method: "POST" })).status).toBe(200);
    expect((await there.ask({ path: `${path}/input_items?limit=5` })).status).toBe(200);
    expect((await there.ask(respond({ previous_response_id: id }))).status).toBe(200);
    expect((await there.ask({ path, method: "DELETE" })).json.deleted).toBe(true);
    // The entry goes when the answer has gone out; until then the backend itself says that there is nothing.
    const gone = () => here.ask({ path });
    await expect.poll(async () => (await gone()).headers["x-certgate-answered-by"]).toBe("gateway");
    expect((await gone()).status).toBe(404);
  });

  const tries: readonly [string, number, (id: string) => Question][] = [
    ["read", 404, (id) => ({ path: `${v1}/responses/${id}` })],
    ["stream", 404, (id) => ({ path: `${v1}/responses/${id}?stream=true` })],
    ["read the input of", 404, (id) => ({ path: `${v1}/responses/${id}/input_items` })],
    ["cancel", 404, (id) => ({ path: `${v1}/responses/${id}/cancel`, method: "POST" })],
    ["delete", 404, (id) => ({ path: `${v1}/responses/${id}`, method: "DELETE" })],
    ["go on from", 400, (id) => respond({ previous_response_id: id })],
  ];
  it.each(tries)(
    "another client cannot %s a response, nor learn that it exists",
    async (_what, status, to) => {
      const id = await mine(here, respond());
      const never = id.replace(/.{8}$/, "00000000");
      for (const world of [here, there]) {
        const [theirs, nobodys] = [await strange(to(id), world), await strange(to(never), world)];
        expect(learnt(theirs, id)).toEqual(learnt(nobodys, never));
        expect([theirs.status, theirs.headers["x-certgate-reason"]]).toEqual([status, "object_not_found"]);
      }
      expect((await there.ask({ path: `${v1}/responses/${id}` })).status).toBe(200);
    },
  );

  it("says word for word what the backend says of an object that never was", async () => {
    const { token } = azure.tokens.issue("https://cognitiveservices.azure.com", 60);
    for (const [path, body] of [
      ["responses/resp_none", undefined],
      ["responses", { model: "gpt-test", input: "x", previous_response_id: "resp_none" }],
      ["files/file-none", undefined],
      ["threads/thread_none", undefined],
      ["vector_stores/vs_none", undefined],
    ] as const) {
      const own = await here.ask({ path: `${v1}/${path}`, ...(body === undefined ? {} : { body }) });
      const backends = await askAzure(`${v1}/${path}`, token, body);
      expect({ path, status: own.status, ...own.json }).toEqual({ path, ...backends });
    }
  });

  it("a streamed response is its client's as soon as its first event is there", async () => {
    azure.openAi.setPace({ intervalMs: 50 });
    const asker = { port: here.certgate.port, ca: pki.root.pem, client: pki.client };
    const answer = await begin(asker, respond({ stream: true }));
    const [first] = (await answer.take(1).toArray()) as Buffer[];
    const id = /"id":"(resp_[^"]+)"/.exec(String(first))?.[1] ?? "";
    expect((await there.ask({ path: `${v1}/responses/${id}` })).status).toBe(200);
    expect((await strange({ path: `${v1}/responses/${id}` })).status).toBe(404);
    azure.openAi.setPace({});
  });

  it("a whole stream arrives unchanged", async () => {
    const { text } = await here.ask(respond({ stream: true }));
    expect(text).toMatch(/^event: response\.created\ndata: /);
    expect(text).toMatch(/event: response\.completed\ndata: .*\n\n$/);
  });

  it("files and what batches write into files belong to who made them", async () => {
    const line = '{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-test"}}';
    const input = await mine(here, upload(line, "batch"));
    const content = await there.ask({ path: `${v1}/files/${input}/content` });
    expect([content.status, content.text]).toEqual([200, expect.stringContaining(line)]);
    for (const path of [`files/${input}`, `files/${input}/content`])
      expect((await strange({ path: `${v1}/${path}` })).json.error.message).toContain("No such File object");
    expect((await strange({ path: `${v1}/files/${input}`, method: "DELETE" })).status).toBe(404);
    const batch = { input_file_id: input, endpoint: "/v1/chat/completions", completion_window: "24h" };
    const make = { path: `${v1}/batches`, body: batch };
    expect((await strange(make)).headers["x-certgate-reason"]).toBe("object_not_found");

    const id = await mine(here, make);
    expect((await strange({ path: `${v1}/batches/${id}` })).status).toBe(404);
    const done = await there.ask({ path: `${v1}/batches/${id}` });
    const output = { path: `${v1}/files/${done.json.output_file_id}/content` };
    expect((await here.ask(output)).status).toBe(200);
    expect((await strange(output)).status).toBe(404);
  });

  it.each([
    ["threads", {}],
    ["conversations", {}],
    ["vector_stores", { name: "shelf" }],
  ])("%s belong to who made them", async (collection, body) => {
    const id = await mine(here, { path: `${v1}/${collection}`, body });
    const path = `${v1}/${collection}/${id}`;
    expect((await there.ask({ path })).status).toBe(200);
    expect((await strange({ path })).status).toBe(404);
    expect((await strange({ path, method: "DELETE" })).status).toBe(404);
  });

  it("a conversation and a file of another client cannot be used by naming them in a body", async () => {
    const conversation = await mine(here, { path: `${v1}/conversations`, body: {} });
    const file = await mine(here, upload("secret"));
    const input = [{ role: "user", content: [{ type: "input_file", file_id: file }] }];
    for (const change of [{ conversation }, { conversation: { id: conversation } }, { input }]) {
      expect((await strange(respond(change))).headers["x-certgate-reason"]).toBe("object_not_found");
      expect((await there.ask(respond(change))).status).toBe(200);
    }
  });

  it("an object that was not made through a gateway is nobody's", async () => {
    const { token } = azure.tokens.issue("https://cognitiveservices.azure.com", 60);
    const foreign = await askAzure(`${v1}/threads`, token, {});
    const path = `${v1}/threads/${String(foreign["id"])}`;
    expect((await here.ask({ path })).headers["x-certgate-reason"]).toBe("object_not_found");
  });

  it("lists, which would show everybody's objects, are refused", async () => {
    for (const collection of ["files", "batches", "vector_stores"])
      expect((await strange({ path: `${v1}/${collection}` })).headers["x-certgate-reason"]).toBe(
        "operation_not_permitted",
      );
  });

  it("a request goes to the backend that holds its object, and an object holds on one backend only", async () => {
    const id = await mine(here, respond({ model: "gpt-other" }));
    const answer = await there.ask({ path: `${v1}/responses/${id}` });
    const lines = await there.log();
    const requestId = answer.headers["x-certgate-request-id"];
    expect(lines.find((line) => line["requestId"] === requestId)).toMatchObject({
      backend: "other",
      status: 200,
    });
    const before = azure.openAi.requests.count;
    const crossed = await there.ask(respond({ model: "gpt-test", previous_response_id: id }));
    expect(crossed.headers["x-certgate-reason"]).toBe("object_not_found");
    expect(azure.openAi.requests.count).toBe(before);
    expect((await there.ask(respond({ model: "gpt-other", previous_response_id: id }))).status).toBe(200);
  });

  it("the log tells the operator whose it was, and nothing tells the caller", async () => {
    const id = await mine(here, respond());
    const path = `${v1}/responses/${id}`;
    const answer = await strange({ path }, here);
    const lines = await here.log();
    const requestId = answer.headers["x-certgate-request-id"];
    expect(lines.find((line) => line["requestId"] === requestId)).toMatchObject({
      decision: "denied",
      reason: "object_not_found",
      status: 404,
      client: "device-2",
      detail: expect.stringContaining("belongs to another client"),
    });
    expect(answer.text).not.toContain("client");
  });

  it("all of it holds after a restart", async () => {
    const response = await mine(here, respond());
    const file = await mine(here, upload("text"));
    const deleted = await mine(here, respond());
    await here.ask({ path: `${v1}/responses/${deleted}`, method: "DELETE" });
    await here.stop();
    here = await gateway(ownership);
    for (const path of [`responses/${response}`, `files/${file}`]) {
      expect((await here.ask({ path: `${v1}/${path}` })).status).toBe(200);
      expect((await strange({ path: `${v1}/${path}` }, here)).status).toBe(404);
    }
    expect((await here.ask({ path: `${v1}/responses/${deleted}` })).status).toBe(404);
  });
}

/** Asks the local Azure directly, as somebody with a token of the resource. */
async function askAzure(
  path: string,
  token: string,
  body: object | undefined,
): Promise<Record<string, unknown>> {
  const { hostname, port } = new URL(azure.openAi.url);
  expect(hostname).toBe("localhost");
  const answer = await begin(
    { port: Number(port), ca: pki.root.pem },
    { path, headers: { authorization: `Bearer ${token}` }, ...(body === undefined ? {} : { body }) },
  );
  const text = Buffer.concat((await answer.toArray()) as Buffer[]).toString();
  return { status: answer.statusCode, ...(JSON.parse(text) as object) };
}
