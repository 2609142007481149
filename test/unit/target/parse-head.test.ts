import { describe, expect, it } from "vitest";
import { parseHead, targetOf } from "../../../src/target/parse-head.ts";

const json = ["Content-Type", "application/json", "Content-Length", "2"];
const head = (method: string, url: string, headers: readonly string[] = method === "GET" ? [] : json) =>
  parseHead({ method, url, headers });
const classic = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
const v1 = "/openai/v1/chat/completions";

describe("unknown operations", () => {
  it("reads a deployment whose name is a word of the surface as a deployment", () => {
    expect(head("POST", "/openai/deployments/chat/completions?api-version=1")).toMatchObject({
      value: { deployment: "chat", operation: { name: "completions" } },
    });
  });

  it.each([
    "/openai",
    "/openai/v1",
    "/openai/v2/chat/completions",
    "/openai/deployments/gpt-4o",
    "/openai/deployments/gpt-4o/images/variations",
    "/openai/deployments/gpt-4o/responses",
    "/openai/deployments/gpt-4o/x/chat/completions",
    "/openai/deployments/chat",
    "/openai/v1/responses/resp_1",
    "/openai/v1/responses/resp_1/x",
    "/openai/v1/files/file_1",
    "/openai/realtime",
    "/models/responses",
    "/chat/completions",
    "/v1/chat/completions",
    "/openai/v1/chat/completionsx",
    "/x/openai/v1/chat/completions",
  ])("%s", (path) => {
    expect(head("POST", `${path}?api-version=1`)).toMatchObject({
      allowed: false,
      code: "operation_unknown",
    });
  });
});

describe("a request target in any other spelling", () => {
  const wrongPaths: readonly (readonly [string, string, string])[] = [
    [
      "an encoded dot segment",
      "/openai/deployments/allowed/%2e%2e/other/chat/completions",
      "percent-encoding",
    ],
    ["an encoded slash", "/openai/deployments/a%2fb/chat/completions", "percent-encoding"],
    ["a half-encoded dot segment", "/openai/deployments/a/..%2fother/chat/completions", "percent-encoding"],
    ["an encoded backslash", "/openai/deployments/a%5cb/chat/completions", "percent-encoding"],
    ["an encoded NUL", "/openai/deployments/a%00/chat/completions", "percent-encoding"],
    ["an encoded letter", "/openai/v1/ch%61t/completions", "percent-encoding"],
    ["double encoding", "/openai/deployments/a%252fb/chat/completions", "percent-encoding"],
    ["overlong UTF-8", "/openai/deployments/%c0%ae/chat/completions", "percent-encoding"],
    ["a lone percent sign", "/openai/deployments/a%/chat/completions", "percent-encoding"],
    ["a dot segment", "/openai/deployments/allowed/../other/chat/completions", "dot segments"],
    ["a single dot", "/openai/./v1/chat/completions", "dot segments"],
    ["a dot segment as deployment", "/openai/deployments/../chat/completions", "dot segments"],
    ["a trailing dot in the deployment", "/openai/deployments/gpt-4o./chat/completions", "dot"],
    ["a trailing dot", "/openai/v1/chat/completions.", "dot"],
    ["a trailing slash", "/openai/v1/chat/completions/", "slash"],
    ["a double slash", "/openai//v1/chat/completions", "empty segment"],
    ["a leading double slash", "//evil.example/openai/v1/chat/completions", "empty segment"],
    ["an empty deployment", "/openai/deployments//chat/completions", "empty segment"],
    ["a backslash", "/openai/deployments/a\\..\\b/chat/completions", "backslash"],
    ["a path parameter", "/openai/deployments/gpt-4o;x=1/chat/completions", "path parameter"],
    ["a trailing space in the deployment", "/openai/deployments/gpt-4o /chat/completions", "space"],
    ["a NUL", "/openai/deployments/a\u0000/chat/completions", "control"],
    ["a tab", "/openai/deployments/a\t/chat/completions", "control"],
    ["a line end", "/openai/deployments/a\r\nx/chat/completions", "control"],
    ["a byte outside ASCII", "/openai/deployments/gpt\u00e9/chat/completions", "ASCII"],
    ["a fragment", "/openai/v1/chat/completions#x", "fragment"],
    ["upper-case fixed segments", "/OpenAI/V1/Chat/Completions", "lower-case"],
    ["upper-case deployments segment", "/openai/Deployments/gpt-4o/chat/completions", "lower-case"],
    ["a wildcard deployment", "/openai/deployments/*/chat/completions", "character *"],
    ["a colon", "/openai/deployments/a:b/chat/completions", "character :"],
    ["a deployment that starts with a dot", "/openai/deployments/.gpt/chat/completions", "deployment name"],
    ["an overlong deployment", `/openai/deployments/${"a".repeat(65)}/chat/completions`, "deployment name"],
    ["an overlong target", `/openai/deployments/${"a".repeat(2100)}/chat/completions`, "longer than"],
    ["absolute form", "https://evil.example/openai/v1/chat/completions", "origin-form"],
    ["asterisk form", "*", "origin-form"],
    ["authority form", "evil.example:443", "origin-form"],
    ["nothing", "", "origin-form"],
  ];
  it.each(wrongPaths)("is refused: %s", (_, path, rule) => {
    const verdict = head("POST", `${path}${path.includes("#") ? "" : "?api-version=1"}`);
    expect(verdict).toMatchObject({ allowed: false, code: "request_malformed" });
    expect(verdict.allowed ? "" : verdict.detail).toContain(rule);
  });

  it.each([
    ["a model that overrides the body", `${v1}?model=other`, '"model"'],
    ["a deployment that overrides the path", `${classic}&deployment=other`, '"deployment"'],
    ["a key", `${classic}&api-key=secret`, '"api-key"'],
    ["two versions", `${classic}&api-version=2`, "once"],
    ["the same version twice", `${classic}&api-version=2024-10-21`, "once"],
    ["an encoded name", "/openai/v1/chat/completions?api%2Dversion=1", "nothing else"],
    ["an upper-case name", "/openai/v1/chat/completions?API-Version=1", '"API-Version"'],
    ["an array name", "/openai/v1/chat/completions?api-version[]=1", "nothing else"],
    ["an encoded value", "/openai/v1/chat/completions?api-version=2024%2D10", "A-Z"],
    ["a plus sign", "/openai/v1/chat/completions?api-version=a+b", "A-Z"],
    ["a semicolon as separator", "/openai/v1/chat/completions?api-version=1;model=x", "A-Z"],
    ["a second equals sign", "/openai/v1/chat/completions?api-version=1=2", "A-Z"],
    ["a second question mark", "/openai/v1/chat/completions?api-version=1?model=x", "A-Z"],
    ["an empty value", "/openai/v1/chat/completions?api-version=", "A-Z"],
    ["no value", "/openai/v1/chat/completions?api-version", "A-Z"],
    ["an overlong value", `/openai/v1/chat/completions?api-version=${"1".repeat(33)}`, "A-Z"],
    ["an empty query", "/openai/v1/chat/completions?", "nothing else"],
    ["an empty parameter", `${classic}&`, "nothing else"],
    ["a NUL", "/openai/v1/chat/completions?api-version=1\u0000", "A-Z"],
  ])("is refused in the query: %s", (_, url, rule) => {
    const verdict = head("POST", url);
    expect(verdict).toMatchObject({ allowed: false, code: "request_malformed" });
    expect(verdict.allowed ? "" : verdict.detail).toContain(rule);
  });

  it("does not repeat a query value, which may be a key, in its answer or trace", () => {
    expect(JSON.stringify(head("POST", `${classic}&api-key=s3cret`))).not.toContain("s3cret");
  });
});

describe("headers", () => {
  it.each([
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "x_http_method_override",
    "X-Original-URL",
    "X-Original-URI",
    "X-Rewrite-URL",
    "azureml-model-deployment",
    "x-ms-oai-image-generation-deployment",
    "x_ms_oai_image_generation_deployment",
    "extra-parameters",
  ])("%s is refused by name", (name) => {
    const verdict = head("POST", v1, [...json, name, "x"]);
    expect(verdict).toMatchObject({ allowed: false, code: "request_malformed" });
    expect(verdict.allowed ? "" : verdict.detail).toContain(name.toLowerCase().replaceAll("_", "-"));
  });

  it.each([
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    'application/json; charset="utf-8"',
  ])("the content type %s is taken", (type) => {
    expect(head("POST", v1, ["content-type", type])).toMatchObject({ allowed: true });
  });

  it.each([
    "",
    "text/plain",
    "application/jsonp",
    "application/json; charset=utf-16",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json, text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/problem+json",
  ])("the content type %j is refused", (type) => {
    expect(head("POST", v1, ["content-type", type])).toMatchObject({
      allowed: false,
      code: "request_malformed",
    });
  });

  it.each([
    ["no content type", []],
    ["two content types", [...json, "content-type", "application/json"]],
    ["gzip", [...json, "content-encoding", "gzip"]],
    ["identity and gzip", [...json, "content-encoding", "identity, gzip"]],
    ["an unknown expectation", [...json, "expect", "200-ok"]],
    ["two expectations", [...json, "expect", "100-continue", "Expect", "100-continue"]],
    ["length and transfer encoding", [...json, "transfer-encoding", "chunked"]],
    ["two lengths", [...json, "content-length", "2"]],
    ["two hosts", [...json, "host", "a", "Host", "a"]],
    [
      "a transfer coding beside chunks",
      ["content-type", "application/json", "transfer-encoding", "gzip, chunked"],
    ],
  ])("%s is refused", (_, headers) => {
    expect(head("POST", v1, headers)).toMatchObject({ allowed: false, code: "request_malformed" });
  });

  it("100-continue and identity are taken", () => {
    expect(
      head("POST", v1, [...json, "Expect", "100-Continue", "Content-Encoding", "identity"]),
    ).toMatchObject({
      allowed: true,
    });
  });

  it("a body on an operation without one is refused", () => {
    for (const framing of [
      ["content-length", "2"],
      ["transfer-encoding", "chunked"],
    ])
      expect(head("GET", "/openai/v1/models", framing)).toMatchObject({
        allowed: false,
        code: "request_malformed",
      });
  });

  it("an empty body on an operation without one is taken", () => {
    expect(head("GET", "/openai/v1/models", ["content-length", "0"])).toMatchObject({ allowed: true });
  });
});

describe("targetOf", () => {
  it("names no deployment for the list of models", () => {
    const verdict = head("GET", "/openai/models?api-version=2024-10-21");
    expect(verdict.allowed && targetOf(verdict.value)).toEqual({
      operation: "models",
      group: "inference",
      deployments: [],
      objects: [],
      path: "/openai/models",
      query: "api-version=2024-10-21",
      headers: [],
      stream: false,
      retryable: true,
    });
  });

  it("gives no target to an operation whose body was not parsed", () => {
    const verdict = head("POST", classic);
    if (!verdict.allowed) throw new Error(verdict.detail);
    expect(() => targetOf(verdict.value)).toThrow(TypeError);
  });
});

describe("a page of another site", () => {
  const form = ["content-type", "multipart/form-data; boundary=b"];
  const told = (url: string, headers: readonly string[]) => {
    const verdict = head("POST", url, ["Host", "gate.example:8443", ...headers]);
    return verdict.allowed ? "allowed" : verdict.code;
  };
  const upload = "/openai/v1/files";
  const cancel = "/openai/v1/responses/resp_1/cancel";

  it.each(["https://evil.example", "https://gate.example", "http://gate.example:8443", "null", ""])(
    "cannot have a browser send a form, or a POST without a body, with its user's certificate: %j",
    (origin) => {
      expect(told(upload, [...form, "Origin", origin])).toBe("operation_not_permitted");
      expect(told(cancel, ["Origin", origin])).toBe("operation_not_permitted");
    },
  );

  it("is told from a page of the gateway's own, and from a client that is no browser", () => {
    expect(told(upload, [...form, "Origin", "https://GATE.example:8443"])).toBe("allowed");
    expect(told(upload, form)).toBe("allowed");
    expect(told(cancel, [])).toBe("allowed");
  });

  it("may not send JSON either, but a browser asks first, and is not answered", () => {
    expect(told("/openai/v1/responses", [...json, "Origin", "https://evil.example"])).toBe("allowed");
    expect(head("OPTIONS", "/openai/v1/responses")).toMatchObject({ code: "operation_unknown" });
  });
});
