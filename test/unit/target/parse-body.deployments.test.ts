import { describe, expect, it } from "vitest";
import type { Feature } from "../../../src/target/features.ts";
import { parseBody } from "../../../src/target/parse-body.ts";
import { parseHead } from "../../../src/target/parse-head.ts";
import { compileSurface } from "../../../src/target/surface.ts";

const headOf = (url: string) => {
  const verdict = parseHead({ method: "POST", url, headers: ["content-type", "application/json"] });
  if (!verdict.allowed) throw new Error(verdict.detail);
  return verdict.value;
};
const chat = headOf("/openai/v1/chat/completions");
const responses = headOf("/openai/v1/responses");

const parse = (body: unknown, head = chat) =>
  parseBody(head, Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
const detail = (verdict: ReturnType<typeof parse>) =>
  verdict.allowed ? "allowed" : `${verdict.code}: ${verdict.detail}`;

describe("a second deployment", () => {
  it.each([
    [
      "an image tool with a model",
      responses,
      { tools: [{ type: "image_generation", model: "x" }] },
      "tools[].type",
    ],
    ["an image tool without one", responses, { tools: [{ type: "image_generation" }] }, "tools[].type"],
    [
      "an image tool in a namespace",
      responses,
      {
        tools: [{ type: "namespace", tools: [{ type: "namespace", tools: [{ type: "image_generation" }] }] }],
      },
      "tools[].tools[].tools[].type",
    ],
    [
      "a transcription",
      responses,
      { input_audio_transcription: { model: "x" } },
      "input_audio_transcription.model",
    ],
    ["a moderation", chat, { moderation: { model: "x" } }, "moderation.model"],
    [
      "an unknown feature",
      chat,
      { rerank: { options: [{ reranker_model: "x" }] } },
      "rerank.options[].reranker_model",
    ],
    ["an engine", chat, { engine: "x" }, "engine"],
    ["a deployment id", chat, { deployment_id: "x" }, "deployment_id"],
    ["a camel-case spelling", chat, { deploymentName: "x" }, "deploymentName"],
    ["an agent", responses, { agent: { name: "x", type: "agent_reference" } }, "agent"],
  ])("is refused: %s", (_, head, body, place) => {
    const verdict = parse({ model: "m", ...body }, head);
    expect(verdict).toMatchObject({ allowed: false, code: "deployment_not_permitted" });
    expect(detail(verdict)).toContain(place);
  });

  it("is refused in the old spelling of a data source", () => {
    expect(detail(parse({ model: "m", dataSources: [{}] }))).toContain('must be spelt "data_sources"');
  });

  it("is refused under an escaped key too", () => {
    expect(detail(parse('{"model":"m","tools":[{"mod\\u0065l":"x"}]}', responses))).toContain(
      "without escapes",
    );
  });
});

describe("a second deployment that is named in the open", () => {
  const drawing = (name: string) =>
    parseHead({
      method: "POST",
      url: "/openai/v1/responses",
      headers: ["content-type", "application/json", "x-ms-oai-image-generation-deployment", name],
    });
  const headDrawing = () => {
    const verdict = drawing("draw");
    if (!verdict.allowed) throw new Error(verdict.detail);
    return verdict.value;
  };

  it("stands in a header: it is authorised, and goes out as it was read", () => {
    expect(parse({ model: "m", tools: [{ type: "image_generation" }] }, headDrawing())).toMatchObject({
      allowed: true,
      value: {
        deployments: ["m", "draw"],
        headers: ["x-ms-oai-image-generation-deployment", "draw"],
      },
    });
  });

  it("stands in the tool too", () => {
    expect(
      parse({ model: "m", tools: [{ type: "image_generation", model: "draw2" }] }, headDrawing()),
    ).toMatchObject({ value: { deployments: ["m", "draw2", "draw"] } });
  });

  it("counts in a header without a tool", () => {
    expect(parse({ model: "m" }, headDrawing())).toMatchObject({ value: { deployments: ["m", "draw"] } });
  });

  it.each(["a/b", "a, b", "", "a.", "*"])("is refused in a header that does not hold a name: %j", (name) => {
    expect(drawing(name)).toMatchObject({ allowed: false, code: "request_malformed" });
  });

  it("is refused in a tool when it is not a name", () => {
    expect(detail(parse('{"model":"m","tools":[{"type":"mcp","model":"a\\u0062"}]}', responses))).toContain(
      "tools[].model",
    );
  });
});

describe("a feature that the operator must switch on", () => {
  const source = (parameters: object) => ({
    model: "m",
    data_sources: [{ type: "azure_search", parameters }],
  });
  const embedding = { embedding_dependency: { type: "deployment_name", deployment_name: "embed" } };
  const headWith = (url: string, ...features: Feature[]) => {
    const verdict = parseHead(
      { method: "POST", url, headers: ["content-type", "application/json"] },
      compileSurface([], features),
    );
    if (!verdict.allowed) throw new Error(verdict.detail);
    return verdict.value;
  };

  it("is denied with its switch's name: data sources, background", () => {
    expect(detail(parse(source(embedding)))).toMatch(/^operation_not_permitted: .*"data-sources"/);
    expect(detail(parse({ model: "m", background: true }, responses))).toMatch(
      /^operation_not_permitted: .*"background-responses"/,
    );
  });

  it("names its second deployment when it is on", () => {
    const head = headWith("/openai/v1/chat/completions", "data-sources");
    expect(parse(source(embedding), head)).toMatchObject({ value: { deployments: ["m", "embed"] } });
  });

  it.each([
    { embedding_dependency: { type: "model_id", model_id: "x" } },
    { embedding_dependency: { type: "endpoint", endpoint: "https://x" } },
    { embedding_dependency: { type: "deployment_name", deployment_name: ["x"] } },
    { embedding_dependency: { type: "deployment_name", deploymentName: "x" } },
    { embeddingDependency: { deployment_name: "x" } },
    { reranker_model: "x" },
  ])("names it in no other way: %j", (parameters) => {
    expect(parse(source(parameters), headWith("/openai/v1/chat/completions", "data-sources"))).toMatchObject({
      allowed: false,
    });
  });

  it("is on alone: a background response", () => {
    const head = headWith("/openai/v1/responses", "background-responses");
    expect(parse({ model: "m", background: true }, head)).toMatchObject({ allowed: true });
    expect(parse({ model: "m", background: "true" }, head)).toMatchObject({ allowed: false });
    expect(parse(source(embedding), head)).toMatchObject({ allowed: false });
  });
});
