import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BypassBench, type Reason, startBypassBench } from "../support/bypass-bench.ts";

let bench: BypassBench;
beforeAll(async () => {
  bench = await startBypassBench();
});
afterAll(() => bench.world.stop());

const body = '{"messages":[{"role":"user","content":"hello"}]}';
const version = "?api-version=2024-10-21";
const good = { target: `/openai/deployments/gpt-test/chat/completions${version}`, body };
const at = (path: string) => ({ ...good, target: `${path}${version}` });

describe("the deployment in a classic path", () => {
  it.each([
    ["chat/completions", "chat-completions", 200],
    ["completions", "completions", 200],
    ["embeddings", "embeddings", 200],
    // The local Azure has none of these: its own 404 says that they arrived.
    ["audio/speech", "audio-speech", 404],
    ["images/generations", "images-generations", 404],
    ["batches", "batches-create", 404],
  ])("%s: passes with the granted one, and with no other", async (path, operation, status) => {
    const content = path === "batches" ? '{"endpoint":"/chat/completions"}' : body;
    const request = (name: string) => ({
      target: `/openai/deployments/${name}/${path}${version}`,
      body: content,
    });
    await expect(
      bench.prove({
        good: request("gpt-test"),
        arrives: { operation, status },
        bad: request("gpt-other"),
        reason: "deployment_not_permitted",
      }),
    ).resolves.toBeUndefined();
  });

  it.each(["audio/transcriptions", "audio/translations", "images/edits"])(
    "%s: passes with the granted one, and with no other",
    async (path) => {
      const name = path === "images/edits" ? "image" : "file";
      const request = (deployment: string) => ({
        target: `/openai/deployments/${deployment}/${path}${version}`,
        type: "multipart/form-data; boundary=b",
        body: `--b\r\ncontent-disposition: form-data; name="${name}"; filename="a"\r\n\r\nbytes\r\n--b--\r\n`,
      });
      await expect(
        bench.prove({
          good: request("gpt-test"),
          arrives: { operation: path.replace("/", "-"), status: 404 },
          bad: request("gpt-other"),
          reason: "deployment_not_permitted",
        }),
      ).resolves.toBeUndefined();
    },
  );
});

const to = (deployment: string) => `/openai/deployments/${deployment}/chat/completions`;

const tricks: readonly (readonly [string, string, Reason])[] = [
  ["dot segments", to("gpt-test/../gpt-other"), "request_malformed"],
  [
    "dot segments up to the root",
    `/openai/v1/../deployments/gpt-other/chat/completions`,
    "request_malformed",
  ],
  ["encoded dot segments", to("gpt-test/%2e%2e/gpt-other"), "request_malformed"],
  ["encoded dot segments, upper case", to("gpt-test/%2E%2E/gpt-other"), "request_malformed"],
  ["half encoded dot segments", to("gpt-test/.%2e/gpt-other"), "request_malformed"],
  ["dots before an encoded slash", to("gpt-test/..%2fgpt-other"), "request_malformed"],
  ["an encoded slash", to("gpt-test%2fgpt-other"), "request_malformed"],
  ["an encoded slash, upper case", to("gpt-test%2Fgpt-other"), "request_malformed"],
  ["a doubly encoded slash", to("gpt-test%252f..%252fgpt-other"), "request_malformed"],
  ["an encoded backslash", to("gpt-test%5c..%5cgpt-other"), "request_malformed"],
  ["a backslash", to("gpt-test\\..\\gpt-other"), "request_malformed"],
  ["a path parameter", to("gpt-test;x=/../gpt-other"), "request_malformed"],
  ["a path parameter on dots", to("gpt-test/..;/gpt-other"), "request_malformed"],
  ["a path parameter behind the name", to("gpt-other;gpt-test"), "request_malformed"],
  ["two slashes", to("/gpt-other"), "request_malformed"],
  ["two slashes in front", `/${to("gpt-other")}`, "request_malformed"],
  ["a segment of one dot", to("./gpt-other"), "request_malformed"],
  ["a zero byte, encoded", to("gpt-other%00gpt-test"), "request_malformed"],
  ["a zero byte behind the granted name", to("gpt-test%00"), "request_malformed"],
  ["a line feed, encoded", to("gpt-test%0agpt-other"), "request_malformed"],
  ["a trailing dot", to("gpt-test."), "request_malformed"],
  ["a trailing slash", `${to("gpt-test")}/`, "request_malformed"],
  ["a trailing space, encoded", to("gpt-test%20"), "request_malformed"],
  ["a trailing plus", to("gpt-test+"), "request_malformed"],
  ["overlong UTF-8 for a dot", to("gpt-test/%c0%ae%c0%ae/gpt-other"), "request_malformed"],
  ["overlong UTF-8 for a slash", to("gpt-test%c0%afgpt-other"), "request_malformed"],
  ["invalid UTF-8", to("gpt-test%ff"), "request_malformed"],
  ["the granted name, one letter encoded", to("%67pt-test"), "request_malformed"],
  ["the other name, one letter encoded", to("%67pt-other"), "request_malformed"],
  ["the granted name in upper case", to("GPT-TEST"), "deployment_not_permitted"],
  ["the other name in upper case", to("GPT-OTHER"), "deployment_not_permitted"],
  ["a wildcard", to("*"), "request_malformed"],
  ["a pattern", to("gpt-.*"), "request_malformed"],
  ["a prefix of the granted name", to("gpt-tes"), "deployment_not_permitted"],
  ["more behind the granted name", to("gpt-test-2"), "deployment_not_permitted"],
  ["two names with a comma", to("gpt-test,gpt-other"), "request_malformed"],
  ["an empty name", to(""), "request_malformed"],
  ["an overlong name", to("a".repeat(65)), "request_malformed"],
  ["fixed segments in upper case", "/OpenAI/deployments/gpt-other/chat/completions", "request_malformed"],
  ["one more segment", `${to("gpt-test")}/gpt-other`, "operation_unknown"],
  ["an extension", `${to("gpt-test")}.json`, "operation_unknown"],
  ["another surface of the backend", "/openai/engines/gpt-other/chat/completions", "operation_unknown"],
  ["another prefix", "/api/openai/deployments/gpt-other/chat/completions", "operation_unknown"],
  ["a fragment", `${to("gpt-test")}#/../gpt-other`, "request_malformed"],
];

describe("a path that another reader takes for another deployment", () => {
  it.each(tricks)("%s", (_name, path, reason) =>
    expect(
      bench.prove({ good, arrives: { operation: "chat-completions" }, bad: at(path), reason }),
    ).resolves.toBeUndefined(),
  );
});

describe("a request target that is no path", () => {
  it.each([
    ["absolute-form", `https://localhost${to("gpt-other")}${version}`],
    ["absolute-form of the granted one", `https://localhost${to("gpt-test")}${version}`],
    ["absolute-form with another host", `http://elsewhere.example${to("gpt-test")}${version}`],
    ["network-path reference", `//elsewhere.example${to("gpt-test")}${version}`],
  ])("%s", (_name, target) =>
    expect(
      bench.prove({
        good,
        arrives: { operation: "chat-completions" },
        bad: { ...good, target },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined(),
  );

  it("asterisk-form", async () => {
    await expect(bench.expectPasses(good, { operation: "chat-completions" })).resolves.toBeUndefined();
    await expect(
      bench.expectRefused({ method: "OPTIONS", target: "*" }, "request_malformed"),
    ).resolves.toBeUndefined();
  });

  it.each([
    ["a raw zero byte", to("gpt-test\u0000gpt-other")],
    ["a raw space", to("gpt-test gpt-other")],
    ["a raw tab", to("gpt-test\tgpt-other")],
    ["a byte outside ASCII", to("gpt-test\u00ad")],
  ])("%s does not parse", (_name, path) =>
    expect(
      bench.prove({
        good,
        arrives: { operation: "chat-completions" },
        bad: at(path),
        reason: "request_malformed",
        unparsed: true,
      }),
    ).resolves.toBeUndefined(),
  );
});

describe("a method", () => {
  it.each(["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])(
    "%s is no operation of a path that takes POST",
    (method) =>
      expect(
        bench.prove({
          good,
          arrives: { operation: "chat-completions" },
          bad: { ...good, method },
          reason: "operation_unknown",
        }),
      ).resolves.toBeUndefined(),
  );
});
