import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BypassBench, type Forwarded, startBypassBench } from "../support/bypass-bench.ts";

let bench: BypassBench;
beforeAll(async () => {
  bench = await startBypassBench();
});
afterAll(() => bench.world.stop());

const arrives: Forwarded = { operation: "chat-completions" };
const target = "/openai/v1/chat/completions";
const rest = '"messages":[{"role":"user","content":"hello"}]';
const text = `{"model":"gpt-test",${rest}}`;
const good = { target, body: text };
const utf16 = (order: "le" | "be"): Buffer => {
  const bytes = Buffer.from(text.replace("gpt-test", "gpt-other"), "utf16le");
  return order === "le" ? bytes : bytes.swap16();
};
const after = (bytes: readonly number[], body: string | Uint8Array = text) =>
  Buffer.concat([Buffer.from(bytes), Buffer.from(body)]);
const planted = (mark: string, bytes: readonly number[], body: string): Buffer => {
  const [before = "", behind = ""] = body.split(mark);
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(behind)]);
};

describe("a body in which two readers find two models", () => {
  it.each<[string, string | Uint8Array]>([
    ["the key twice, the other last", `{"model":"gpt-test","model":"gpt-other",${rest}}`],
    ["the key twice, the other first", `{"model":"gpt-other","model":"gpt-test",${rest}}`],
    ["the key twice with the same value", `{"model":"gpt-test","model":"gpt-test",${rest}}`],
    ["a second key, escaped", `{"model":"gpt-test","\\u006dodel":"gpt-other",${rest}}`],
    ["a second key, escaped with capitals", `{"model":"gpt-test","mode\\u006C":"gpt-other",${rest}}`],
    ["the only key, escaped", `{"\\u006dodel":"gpt-test",${rest}}`],
    ["the value, escaped", `{"model":"gpt-\\u0074est",${rest}}`],
    ["the other value, escaped", `{"model":"gpt-\\u006fther",${rest}}`],
    ["a key in another case", `{"model":"gpt-test","Model":"gpt-other",${rest}}`],
    ["a key in another case before it", `{"MODEL":"gpt-other","model":"gpt-test",${rest}}`],
    [
      "a key with a Turkish letter",
      `{"model":"gpt-test","m\u03bfdel":"gpt-other",${rest}}`.replace("\u03bf", "\uff4f"),
    ],
    [
      "a key twice, deep inside",
      `{"model":"gpt-test","messages":[{"role":"user","content":"a","content":"b"}]}`,
    ],
    ["a list of models", `{"model":["gpt-test","gpt-other"],${rest}}`],
    ["an object as model", `{"model":{"name":"gpt-other"},${rest}}`],
    ["no model", `{${rest}}`],
    ["null as model", `{"model":null,${rest}}`],
    ["an empty model", `{"model":"",${rest}}`],
    ["a model with a space behind it", `{"model":"gpt-test ",${rest}}`],
    ["a model with a zero byte", `{"model":"gpt-other\\u0000gpt-test",${rest}}`],
    ["a model that is a path", `{"model":"gpt-test/../gpt-other",${rest}}`],
    ["a comment", `{"model":"gpt-test",/*"model":"gpt-other",*/${rest}}`],
    ["a line's comment", `{"model":"gpt-other",//\n"model":"gpt-test",${rest}}`],
    ["single quotes", `{'model':'gpt-other',${rest}}`],
    ["a trailing comma", `{"model":"gpt-test",${rest},}`],
    ["a second object", `${text}{"model":"gpt-other",${rest}}`],
    ["a second object on a line of its own", `${text}\n{"model":"gpt-other",${rest}}`],
    ["an array of bodies", `[${text}]`],
    ["a number out of the grammar", `{"model":"gpt-test","n":01,${rest}}`],
    ["NaN", `{"model":"gpt-test","n":NaN,${rest}}`],
    ["a raw line feed in a string", `{"model":"gpt-test","user":"a\nb",${rest}}`],
    ["half a surrogate in a key", `{"model":"gpt-test","\\ud800":"x",${rest}}`],
    ["nothing", ""],
    ["deep nesting", `{"model":"gpt-test","x":${"[".repeat(200)}${"]".repeat(200)},${rest}}`],
    ["a byte order mark", after([0xef, 0xbb, 0xbf])],
    ["UTF-16, little end first", utf16("le")],
    ["UTF-16, big end first", utf16("be")],
    ["UTF-16 with a mark", after([0xff, 0xfe], utf16("le"))],
    ["gzip", gzipSync(text.replace("gpt-test", "gpt-other"))],
    ["bytes that are no UTF-8", planted("?", [0xff], `{"model":"gpt-test","user":"?",${rest}}`)],
    ["overlong UTF-8", planted("?", [0xc1, 0xad], `{"model":"gpt-test","?odel":"gpt-other",${rest}}`)],
    ["a surrogate in UTF-8", planted("?", [0xed, 0xa0, 0x80], `{"model":"gpt-test","user":"?",${rest}}`)],
  ])("%s", (_name, body) =>
    expect(
      bench.prove({
        good,
        arrives,
        bad: { target, type: "application/json", body },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined(),
  );

  it.each([
    ["the other one alone", `{"model":"gpt-other",${rest}}`],
    ["the granted one in upper case", `{"model":"GPT-TEST",${rest}}`],
    ["a wildcard that is a name", `{"model":"gpt-te.t",${rest}}`],
    ["the other behind much else", `{${rest},"x":"${"a".repeat(100_000)}","model":"gpt-other"}`],
    ["a second key of another name", `{"model":"gpt-test","deployment":"gpt-other",${rest}}`],
    ["a second key in camel case", `{"model":"gpt-test","deploymentName":"gpt-other",${rest}}`],
    ["a second key deep inside", `{"model":"gpt-test","options":{"model":"gpt-other"},${rest}}`],
    ["an engine", `{"model":"gpt-test","engine":"gpt-other",${rest}}`],
    ["a fallback", `{"model":"gpt-test","fallback_models":["gpt-other"],${rest}}`],
  ])("and %s", (_name, body) =>
    expect(
      bench.prove({ good, arrives, bad: { target, body }, reason: "deployment_not_permitted" }),
    ).resolves.toBeUndefined(),
  );

  it.each([
    ["white space all over", ` {\n"model"\t:  "gpt-test" ,${rest}}\r\n`],
    ["the model last", `{${rest},"model":"gpt-test"}`],
    ["escapes where they mean nothing", `{"model":"gpt-test","user":"\\u0061\\n",${rest}}`],
    ["text beyond ASCII", `{"model":"gpt-test","user":"\u00e9\ud83d\ude00",${rest}}`],
    ["numbers that a parser would round", `{"model":"gpt-test","seed":12345678901234567890,${rest}}`],
  ])("but %s pass, byte for byte", (_name, body) =>
    expect(bench.expectPasses({ target, body }, arrives)).resolves.toBeUndefined(),
  );

  it("a body over the limit", () =>
    expect(
      bench.prove({
        good,
        arrives,
        bad: { target, body: "x", framing: [`content-length: ${33 * 1024 * 1024}`] },
        reason: "body_too_large",
      }),
    ).resolves.toBeUndefined());
});

describe("the deployment in the path, and a model in the body", () => {
  const path = "/openai/deployments/gpt-test/chat/completions?api-version=2024-10-21";

  it.each([`{${rest}}`, `{"model":"gpt-test",${rest}}`, `{"model":"",${rest}}`])("agree: %s", (body) =>
    expect(bench.expectPasses({ target: path, body }, arrives)).resolves.toBeUndefined(),
  );
  it.each([
    `{"model":"gpt-other",${rest}}`,
    `{"model":"gpt-test","model":"gpt-other",${rest}}`,
    `{"model":["gpt-other"],${rest}}`,
  ])("do not: %s", (body) =>
    expect(
      bench.prove({
        good: { target: path, body: `{${rest}}` },
        arrives,
        bad: { target: path, body },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined(),
  );
});

describe("a body of an operation that takes none", () => {
  it("is refused with GET", async () => {
    await expect(
      bench.expectRefused({ method: "GET", target: "/openai/v1/models", body: text }, "request_malformed"),
    ).resolves.toBeUndefined();
    await expect(
      bench.expectRefused(
        { method: "GET", target: "/openai/v1/responses/resp_1", body: text },
        "request_malformed",
      ),
    ).resolves.toBeUndefined();
  });
});

/** Where a body names its deployment: the operation, a path, and the body for a name. 404: the local Azure has no such. */
const places: readonly (readonly [string, string, number, (name: string) => string])[] = [
  ["chat-completions", "/openai/v1/chat/completions", 200, (name) => `{"model":"${name}"}`],
  ["chat-completions", "/models/chat/completions?api-version=1", 404, (name) => `{"model":"${name}"}`],
  ["embeddings", "/openai/v1/embeddings", 200, (name) => `{"model":"${name}"}`],
  ["embeddings", "/models/embeddings?api-version=1", 404, (name) => `{"model":"${name}"}`],
  ["image-embeddings", "/models/images/embeddings?api-version=1", 404, (name) => `{"model":"${name}"}`],
  ["completions", "/openai/v1/completions", 200, (name) => `{"model":"${name}"}`],
  ["audio-speech", "/openai/v1/audio/speech", 404, (name) => `{"model":"${name}"}`],
  ["images-generations", "/openai/v1/images/generations", 404, (name) => `{"model":"${name}"}`],
  ["responses", "/openai/v1/responses", 200, (name) => `{"model":"${name}","input":"x"}`],
  ["responses", "/openai/responses?api-version=1", 404, (name) => `{"model":"${name}","input":"x"}`],
  ["responses-compact", "/openai/v1/responses/compact", 404, (name) => `{"model":"${name}"}`],
  ["responses-input-tokens", "/openai/v1/responses/input_tokens", 404, (name) => `{"model":"${name}"}`],
  ["assistants-create", "/openai/v1/assistants", 404, (name) => `{"model":"${name}"}`],
  ["assistants-create", "/openai/assistants?api-version=1", 404, (name) => `{"model":"${name}"}`],
  ["threads-runs-create", "/openai/v1/threads/runs", 404, (name) => `{"model":"${name}"}`],
  ["videos-create", "/openai/v1/videos", 404, (name) => `{"model":"${name}"}`],
  ["realtime-sessions", "/openai/v1/realtime/sessions", 404, (name) => `{"model":"${name}"}`],
];

describe("a deployment in the body", () => {
  it.each(places)("%s %s: passes with the granted one, and with no other", (operation, path, status, body) =>
    expect(
      bench.prove({
        good: { target: path, body: body("gpt-test") },
        arrives: { operation, status },
        bad: { target: path, body: body("gpt-other") },
        reason: "deployment_not_permitted",
      }),
    ).resolves.toBeUndefined(),
  );
});

/** A second deployment, beside one that is granted. */
const seconds: readonly (readonly [string, string, string, (name: string) => string])[] = [
  [
    "a session of a client secret",
    "realtime-client-secrets",
    "/openai/v1/realtime/client_secrets",
    (name) => `{"session":{"model":"${name}"}}`,
  ],
  [
    "the transcription of a session",
    "realtime-sessions",
    "/openai/v1/realtime/sessions",
    (name) => `{"model":"gpt-test","input_audio_transcription":{"model":"${name}"}}`,
  ],
  [
    "the transcription of a session's audio",
    "realtime-sessions",
    "/openai/v1/realtime/sessions",
    (name) => `{"model":"gpt-test","audio":{"input":{"transcription":{"model":"${name}"}}}}`,
  ],
  [
    "a grader",
    "graders-run",
    "/openai/v1/fine_tuning/alpha/graders/run",
    (name) => `{"grader":{"type":"score_model","name":"g","model":"${name}","input":[]},"model_sample":"x"}`,
  ],
  [
    "a criterion of an eval",
    "evals-create",
    "/openai/v1/evals",
    (name) =>
      `{"data_source_config":{"type":"custom","item_schema":{}},"testing_criteria":[{"type":"label_model","name":"l","model":"${name}","input":[],"labels":["a"],"passing_labels":["a"]}]}`,
  ],
];

describe("a second deployment", () => {
  it.each(seconds)("in %s must be granted too", async (_name, operation, path, body) => {
    await expect(
      bench.prove({
        good: { target: path, body: body("gpt-test") },
        arrives: { operation, status: 404 },
        bad: { target: path, body: body("gpt-other") },
        reason: "deployment_not_permitted",
      }),
    ).resolves.toBeUndefined();
  });

  it("of a tool must be granted too", () => {
    const request = (name: string) => ({
      target: "/openai/v1/responses",
      body: `{"model":"gpt-test","input":"x","tools":[{"type":"custom","name":"t","model":"${name}"}]}`,
    });
    return expect(
      bench.prove({
        good: request("gpt-test"),
        arrives: { operation: "responses" },
        bad: request("gpt-other"),
        reason: "deployment_not_permitted",
      }),
    ).resolves.toBeUndefined();
  });

  it("of a search of the backend's own is switched off", () => {
    const source = `{"type":"azure_search","parameters":{"embedding_dependency":{"type":"deployment_name","deployment_name":"gpt-other"}}}`;
    return expect(
      bench.prove({
        good,
        arrives,
        bad: { target, body: `{"model":"gpt-test","data_sources":[${source}],${rest}}` },
        reason: "operation_not_permitted",
      }),
    ).resolves.toBeUndefined();
  });

  it("of an agent is refused", () =>
    expect(
      bench.prove({
        good: { target: "/openai/v1/responses", body: '{"model":"gpt-test","input":"x"}' },
        arrives: { operation: "responses" },
        bad: {
          target: "/openai/v1/responses",
          body: '{"model":"gpt-test","input":"x","agent":{"type":"agent_reference","name":"gpt-other"}}',
        },
        reason: "deployment_not_permitted",
      }),
    ).resolves.toBeUndefined());
});
