import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BypassBench, type Forwarded, startBypassBench } from "../support/bypass-bench.ts";

let bench: BypassBench;
beforeAll(async () => {
  bench = await startBypassBench();
});
afterAll(() => bench.world.stop());

const good = {
  target: "/openai/v1/chat/completions",
  body: '{"model":"gpt-test","messages":[{"role":"user","content":"hello"}]}',
};
const arrives: Forwarded = { operation: "chat-completions" };
const plus = (...headers: readonly string[]) => ({ ...good, headers });

describe("a header that makes a request another one", () => {
  it.each([
    "x-http-method-override: GET",
    "X-HTTP-Method-Override: DELETE",
    "x-http-method: GET",
    "x-method-override: PUT",
    "x-original-url: /openai/deployments/gpt-other/chat/completions",
    "X_Original_URL: /openai/deployments/gpt-other/chat/completions",
    "x-original-uri: /openai/deployments/gpt-other/chat/completions",
    "x-rewrite-url: /openai/deployments/gpt-other/chat/completions",
    "azureml-model-deployment: gpt-other",
    "AzureML_Model_Deployment: gpt-other",
    "extra-parameters: pass-through",
    "x-ms-oai-image-generation-deployment: gpt-other",
    "x-ms-oai-image-generation-deployment: gpt-test",
    "content-encoding: gzip",
    "content-encoding: br",
    "content-encoding: identity, gzip",
    "expect: 200-ok",
  ])("%s", (line) =>
    expect(
      bench.prove({ good, arrives, bad: plus(line), reason: "request_malformed" }),
    ).resolves.toBeUndefined(),
  );
});

describe("a header that no backend should get", () => {
  it.each([
    "authorization: Bearer of-gpt-other",
    "Authorization: Basic Z3B0LW90aGVyOmtleQ==",
    "api-key: key-of-gpt-other",
    "Api_Key: key-of-gpt-other",
    "ocp-apim-subscription-key: key-of-gpt-other",
    "proxy-authorization: Basic gpt-other",
    "cookie: deployment=gpt-other",
    "x-ms-client-principal: gpt-other",
    "x-ms-client-principal-name: gpt-other",
    "x-ms-deployment: gpt-other",
    "x-ms-model-mesh-model-name: gpt-other",
    "x-deployment: gpt-other",
    "model: gpt-other",
    "x-forwarded-for: 10.0.0.1",
    "x-forwarded-host: gpt-other.openai.azure.com",
    "x-forwarded-path: /openai/deployments/gpt-other/chat/completions",
    "x-forwarded-prefix: /openai/deployments/gpt-other",
    "x-forwarded-client-cert: Subject=CN=gpt-other",
    "forwarded: for=10.0.0.1;host=gpt-other",
    "x-host: gpt-other.openai.azure.com",
    "x-real-ip: 10.0.0.1",
    "openai-organization: gpt-other",
    "openai-project: gpt-other",
    "referer: https://gpt-other.example",
    "origin: https://gpt-other.example",
    "via: 1.1 gpt-other",
    "te: trailers",
    "upgrade: h2c",
    "http2-settings: gpt-other",
    "accept-encoding: gzip",
    "range: bytes=0-1",
    "x-certgate-request-id: gpt-other",
    "x-certgate-client: gpt-other",
    "content-encoding: identity",
    // All clients are one to the backend: one who guesses another's key would be given that one's answer.
    "idempotency-key: key-1",
    "repeatability-request-id: key-1",
  ])("is taken off: %s", (line) => expect(bench.expectPasses(plus(line), arrives)).resolves.toBeUndefined());
});

describe("a header of the allow-list", () => {
  it.each([
    ["accept", "application/json"],
    ["openai-beta", "assistants=v2"],
    ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    ["user-agent", "a device"],
    ["x-ms-client-request-id", "id-1"],
    ["x-stainless-lang", "js"],
  ])("arrives as it was: %s", (name, value) =>
    expect(
      bench.expectPasses(plus(`${name}: ${value}`), { ...arrives, headers: { [name]: value } }),
    ).resolves.toBeUndefined(),
  );

  it.each(["openai-beta", "user-agent"])("stays when Connection names it: %s", (name) =>
    expect(
      bench.expectPasses(plus(`${name}: gpt-other`, `connection: keep-alive, ${name}`), arrives),
    ).resolves.toBeUndefined(),
  );
});

describe("hop-by-hop headers", () => {
  it.each(["authorization", "x-certgate-request-id", "content-type", "content-length", "host"])(
    "cannot take off what the gateway says or has read: Connection: %s",
    (name) =>
      expect(
        bench.expectPasses(plus(`connection: close, ${name}`, "authorization: Bearer of-gpt-other"), arrives),
      ).resolves.toBeUndefined(),
  );
});

describe("a content-type that a reader could take for another", () => {
  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json, text/plain",
    "application/json;",
    "application/problem+json",
    "multipart/form-data; boundary=x",
    "text/json",
    "application/octet-stream",
  ])("%s", (type) =>
    expect(
      bench.prove({ good, arrives, bad: { ...good, type }, reason: "request_malformed" }),
    ).resolves.toBeUndefined(),
  );

  it("none", () =>
    expect(
      bench.prove({ good, arrives, bad: { ...good, type: undefined }, reason: "request_malformed" }),
    ).resolves.toBeUndefined());

  it("two", () =>
    expect(
      bench.prove({ good, arrives, bad: plus("content-type: text/plain"), reason: "request_malformed" }),
    ).resolves.toBeUndefined());

  it.each(["application/json; charset=utf-8", "Application/JSON"])("but not this one: %s", (type) =>
    expect(bench.expectPasses({ ...good, type }, arrives)).resolves.toBeUndefined(),
  );
});

describe("the header that names who draws images", () => {
  const drawing = (name: string) => ({
    target: "/openai/v1/responses",
    headers: [`x-ms-oai-image-generation-deployment: ${name}`],
    body: '{"model":"gpt-test","input":"x","tools":[{"type":"image_generation"}]}',
  });
  const drawn: Forwarded = {
    operation: "responses",
    headers: { "x-ms-oai-image-generation-deployment": "gpt-test" },
  };

  it("must name what was granted", () =>
    expect(
      bench.prove({
        good: drawing("gpt-test"),
        arrives: drawn,
        bad: drawing("gpt-other"),
        reason: "deployment_not_permitted",
      }),
    ).resolves.toBeUndefined());

  it.each([
    ["twice", "gpt-test\r\nx-ms-oai-image-generation-deployment: gpt-other"],
    ["twice, once with underscores", "gpt-test\r\nx_ms_oai_image_generation_deployment: gpt-other"],
    ["as a list", "gpt-test, gpt-other"],
    ["encoded", "%67pt-other"],
    ["empty", ""],
  ])("stands once and plainly: %s", (_name, value) =>
    expect(
      bench.prove({
        good: drawing("gpt-test"),
        arrives: drawn,
        bad: drawing(value),
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined(),
  );

  it("must stand when images are to be drawn", () =>
    expect(
      bench.prove({
        good: drawing("gpt-test"),
        arrives: drawn,
        bad: { ...drawing("gpt-test"), headers: [] },
        reason: "deployment_not_permitted",
      }),
    ).resolves.toBeUndefined());
});
