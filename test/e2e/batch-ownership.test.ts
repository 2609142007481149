import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalAzure, type LocalAzure } from "../../src/dev/azure/local-azure.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { type Answer, ask, type Question } from "../support/ask.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let pki: TestPki;
let azure: LocalAzure;
let second: IssuedCertificate;
let folder: string;
let here: World;
let there: World;

/** One of two gateways over one store, for two devices. */
const gateway = (): Promise<World> =>
  startWorld({
    pki,
    azure,
    configure(config) {
      config["ownership"] = { file: join(folder, "ownership.sqlite"), backend: "main" };
      const rights = { deployments: ["gpt-test"], operations: ["inference", "files", "batches"] };
      config["clients"] = {
        "device-1": { thumbprints: [pki.client.thumbprint], ...rights },
        "device-2": { thumbprints: [second.thumbprint], ...rights },
      };
    },
  });

beforeAll(async () => {
  pki = await createTestPki();
  second = await pki.intermediate.issue({ subject: "CN=device-2" });
  folder = await mkdtemp(join(tmpdir(), "certgate-e2e-batch-"));
  azure = await startLocalAzure({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    deployments: { "gpt-test": "gpt-4o", "gpt-other": "gpt-4o" },
  });
  [here, there] = await Promise.all([gateway(), gateway()]);
});
afterAll(async () => {
  await Promise.all([here.stop(), there.stop()]);
  await azure.stop();
  await rm(folder, { recursive: true });
});

const v1 = "/openai/v1";
const line = (id: string, body: object) =>
  JSON.stringify({ custom_id: id, method: "POST", url: "/chat/completions", body });
const messages = [{ role: "user", content: "hello" }];
/** The second line asks for nothing, so the service writes an error file too. */
const lines = [line("a", { model: "gpt-test", messages }), line("b", { model: "gpt-test" })].join("\n");
const uploadOf = (file: string, purpose = "batch"): Question => ({
  path: `${v1}/files`,
  headers: { "content-type": "multipart/form-data; boundary=b" },
  body: [
    `--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n${purpose}\r\n`,
    `--b\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n`,
    `content-type: application/jsonl\r\n\r\n${file}\r\n--b--\r\n`,
  ].join(""),
});
const upload = uploadOf(lines);

const good = async (world: World, question: Question): Promise<Answer> => {
  const answer = await world.ask(question);
  expect([answer.status, answer.text]).toEqual([200, answer.text]);
  return answer;
};
const create = (input: string): Question => ({
  path: `${v1}/batches`,
  body: { input_file_id: input, endpoint: "/chat/completions", completion_window: "24h" },
});

interface Made {
  readonly input: string;
  readonly batch: string;
  readonly output: string;
  readonly errors: string;
}
/** A batch from its upload to its end, through both gateways. */
async function runBatch(): Promise<Made> {
  const input = (await good(here, upload)).json.id as string;
  const made = (await good(there, create(input))).json;
  expect([made.status, made.output_file_id]).toEqual(["validating", null]);
  const done = (await good(here, { path: `${v1}/batches/${made.id}` })).json;
  expect(done).toMatchObject({ status: "completed", input_file_id: input });
  return { input, batch: made.id, output: done.output_file_id, errors: done.error_file_id };
}

/** Asks as the other device, and proves that it learns of nothing and that the backend is not asked. */
async function strange(world: World, question: Question): Promise<void> {
  const before = azure.openAi.requests.count;
  const { status, headers, text } = await world.ask(question, second);
  expect([question, status, headers["x-certgate-reason"]]).toEqual([question, 404, "object_not_found"]);
  expect(text).not.toContain("custom_id");
  expect(azure.openAi.requests.count).toBe(before);
}
const everything = ({ input, batch, output, errors }: Made): Question[] => [
  { path: `${v1}/batches/${batch}` },
  { path: `${v1}/batches/${batch}/cancel`, method: "POST" },
  create(input),
  create(output),
  ...[input, output, errors].flatMap((file) => [
    { path: `${v1}/files/${file}` },
    { path: `${v1}/files/${file}/content` },
    { path: `${v1}/files/${file}`, method: "DELETE" },
  ]),
];

describe("a batch", () => {
  it("is its client's from the upload to what it wrote", async () => {
    const { output, errors } = await runBatch();
    for (const world of [here, there]) {
      const answers = await good(world, { path: `${v1}/files/${output}/content` });
      expect(JSON.parse(answers.text)).toMatchObject({
        custom_id: "a",
        response: { status_code: 200, body: { model: "gpt-test" } },
      });
      const failed = await good(world, { path: `${v1}/files/${errors}/content` });
      expect(JSON.parse(failed.text)).toMatchObject({ custom_id: "b", response: { status_code: 400 } });
    }
  });

  it("arrives byte for byte", async () => {
    const next = azure.openAi.requests.next();
    await good(here, upload);
    expect(String(await (await next).body)).toBe(upload.body);
  });

  it("is nothing to another client, at every gateway, and after a restart", async () => {
    const made = await runBatch();
    for (const world of [here, there])
      for (const question of everything(made)) await strange(world, question);

    await here.stop();
    here = await gateway();
    for (const question of everything(made)) await strange(here, question);
    expect((await good(here, { path: `${v1}/batches/${made.batch}` })).json.output_file_id).toBe(made.output);
    for (const file of [made.input, made.output, made.errors])
      await good(here, { path: `${v1}/files/${file}/content` });
  });

  it("writes files that are nobody's until its client has heard of them", async () => {
    const input = (await good(here, upload)).json.id as string;
    const { id } = (await good(here, create(input))).json;
    const { token } = azure.tokens.issue("https://cognitiveservices.azure.com", 60);
    const asked = await fetchFromAzure(`${v1}/batches/${id}`, token);
    const content = { path: `${v1}/files/${asked.output_file_id}/content` };
    expect((await here.ask(content)).headers["x-certgate-reason"]).toBe("object_not_found");
    await strange(here, content);
    await good(there, { path: `${v1}/batches/${id}` });
    await good(here, content);
    await strange(there, content);
  });

  it("is cancelled by its client, and by no other", async () => {
    const input = (await good(here, upload)).json.id as string;
    const { id } = (await good(here, create(input))).json;
    const cancel = { path: `${v1}/batches/${id}/cancel`, method: "POST" };
    await strange(there, cancel);
    expect((await good(there, cancel)).json.status).toBe("cancelled");
    expect((await good(here, { path: `${v1}/batches/${id}` })).json.status).toBe("cancelled");
  });

  it("takes no file whose lines were not read: not one of another purpose, nor one that a batch wrote", async () => {
    const hidden = uploadOf(line("a", { model: "gpt-other", messages }), "user_data");
    const file = (await good(here, hidden)).json.id as string;
    const { output } = await runBatch();
    const before = azure.openAi.requests.count;
    for (const world of [here, there])
      for (const input of [file, output]) {
        const { status, headers } = await world.ask(create(input));
        expect([status, headers["x-certgate-reason"]]).toEqual([403, "operation_not_permitted"]);
      }
    expect(azure.openAi.requests.count).toBe(before);
  });

  it("needs its lines' deployment granted when it is made, not only when they came", async () => {
    const input = (await good(here, upload)).json.id as string;
    const rights = { deployments: ["gpt-other"], operations: ["files", "batches"] };
    const grant = (roles: object, own: object) =>
      there.reconfigure((config) => {
        config["roles"] = roles;
        const { thumbprints } = config["clients"]["device-1"];
        config["clients"]["device-1"] = { thumbprints, ...own };
      });
    const refused = async () => {
      const before = azure.openAi.requests.count;
      const { status, headers } = await there.ask(create(input));
      expect([status, headers["x-certgate-reason"]]).toEqual([403, "deployment_not_permitted"]);
      expect(azure.openAi.requests.count).toBe(before);
    };
    await grant({}, rights);
    await refused();
    // One role's deployment is not lent to the operations of another.
    await grant(
      { keeps: { deployments: ["gpt-test"], operations: ["files"] } },
      { ...rights, roles: ["keeps"] },
    );
    await refused();
    await grant({}, { deployments: ["gpt-test"], operations: ["inference", "files", "batches"] });
    await good(there, create(input));
  });

  it("takes no file that was deleted", async () => {
    const input = (await good(here, upload)).json.id as string;
    await good(here, { path: `${v1}/files/${input}`, method: "DELETE" });
    expect((await there.ask(create(input))).headers["x-certgate-reason"]).toBe("object_not_found");
  });

  it("is in no list", async () => {
    const before = azure.openAi.requests.count;
    for (const path of ["batches", "files", "files?purpose=batch_output"]) {
      const { status, headers } = await here.ask({ path: `${v1}/${path}` });
      expect([status, headers["x-certgate-reason"]]).toEqual([403, "operation_not_permitted"]);
    }
    expect(azure.openAi.requests.count).toBe(before);
  });
});

async function fetchFromAzure(path: string, token: string): Promise<{ output_file_id: string }> {
  const { json } = await ask(
    { port: Number(new URL(azure.openAi.url).port), ca: pki.root.pem },
    { path, headers: { authorization: `Bearer ${token}` } },
  );
  return json as { output_file_id: string };
}
