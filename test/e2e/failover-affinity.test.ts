import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { faults } from "../../src/dev/azure/faults.ts";
import { chatOf, startTwoBackends, type TwoBackends } from "../support/two-backends.ts";

const names = Array.from({ length: 12 }, (_, at) => `d${at}`);
let world: TwoBackends;
let fresh = 0;
/** A deployment of which nothing is known yet: `first` is preferred. */
const next = () => `d${(fresh += 1)}`;

beforeAll(async () => {
  world = await startTwoBackends(
    names,
    (config) => {
      // Where objects are made that name no deployment; deployments prefer the other one.
      config["ownership"] = { ...config["ownership"], backend: "second" };
    },
    { operations: ["inference", "files", "batches", "conversations", "assistants", "vector-stores"] },
  );
});
afterAll(() => world.stop());
beforeEach(() => {
  for (const backend of [world.first, world.second]) {
    backend.faults.clear();
    backend.requests.clear();
  }
});

const counts = () => [world.first.requests.count, world.second.requests.count];
const post = (path: string, body: object) => world.ask({ path: `/openai/v1/${path}`, body });
const get = (path: string) => world.ask({ path: `/openai/v1/${path}` });

const form = (fields: Record<string, string>, file: string) => ({
  headers: { "content-type": "multipart/form-data; boundary=b" },
  body: [
    ...Object.entries(fields).map(
      ([name, value]) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    ),
    `--b\r\ncontent-disposition: form-data; name="file"; filename="in.jsonl"\r\n\r\n${file}\r\n--b--\r\n`,
  ].join(""),
});

describe("what is made where no deployment is named", () => {
  it.each([
    ["conversations", {}],
    ["threads", {}],
    ["vector_stores", { name: "plans" }],
  ])("%s: every later request goes there", async (collection, body) => {
    const made = await post(collection, body);
    expect([made.status, ...counts()]).toEqual([200, 0, 1]);
    expect((await get(`${collection}/${made.json.id}`)).json.id).toBe(made.json.id);
    expect(counts()).toEqual([0, 2]);
  });

  it("a conversation takes the response that goes on with it along, against all priorities", async () => {
    const { id } = (await post("conversations", {})).json;
    const answer = await post("responses", { model: next(), input: "hi", conversation: id });
    expect([answer.status, ...counts()]).toEqual([200, 0, 2]);
    // And what came of it stays there.
    expect((await get(`responses/${answer.json.id}`)).status).toBe(200);
    expect(counts()).toEqual([0, 3]);
  });
});

describe("a batch", () => {
  it("runs where its file lies, from the upload to what it wrote, wherever new requests go", async () => {
    const deployment = next();
    const line = JSON.stringify({
      custom_id: "1",
      method: "POST",
      url: "/v1/chat/completions",
      body: { model: deployment, messages: [{ role: "user", content: "hi" }] },
    });
    world.first.faults.next(faults.throttled(1));
    const file = await world.ask({ path: "/openai/v1/files", ...form({ purpose: "batch" }, line) });
    expect([file.status, ...counts()]).toEqual([200, 1, 1]);
    // The one that is preferred is well again.
    await expect
      .poll(async () => (await world.ask(chatOf(deployment)), world.first.requests.count), { timeout: 5000 })
      .toBe(2);
    world.first.requests.clear();
    const batch = await post("batches", {
      input_file_id: file.json.id,
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
    });
    const done = await get(`batches/${batch.json.id}`);
    expect([batch.status, done.json.status]).toEqual([200, "completed"]);
    const output = await get(`files/${done.json.output_file_id}/content`);
    expect([output.status, output.text.includes('"custom_id":"1"')]).toEqual([200, true]);
    expect(world.first.requests.count).toBe(0);
  });
});

describe("what lies at a backend that is out", () => {
  it("is asked of no other backend while its own is out", async () => {
    const { id } = (await post("conversations", {})).json;
    world.second.faults.always(faults.serverError(503));
    for (let time = 0; time < 3; time += 1) {
      const read = await get(`conversations/${id}`);
      expect(read.status).toBe(503);
      const written = await post("responses", { model: next(), input: "hi", conversation: id });
      expect(written.status).toBe(503);
    }
    expect(world.first.requests.count).toBe(0);
  });
});
