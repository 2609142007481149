import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { isStreamed, type StreamedBody } from "../../../src/model/outbound-request.ts";
import type { Target } from "../../../src/model/target.ts";
import { isNameable, renameRequest } from "../../../src/target/rename-request.ts";
import { parseBody } from "../../../src/target/parse-body.ts";
import { readMultipart } from "../../../src/target/multipart/start-multipart.ts";
import { parseHead, type RequestHead, targetOf } from "../../../src/target/parse-head.ts";
import { compileSurface } from "../../../src/target/surface.ts";

const surface = compileSurface([], ["data-sources"]);
const names: Record<string, string> = {
  gpt: "gpt-4o-ptu",
  embed: "embed-eu",
  image: "draw",
  same: "same",
  arn: "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.x.y-v1:0",
};
const nameAt = (name: string) => names[name];

function request(
  method: string,
  url: string,
  body?: string,
  extra: readonly string[] = [],
): { head: RequestHead; target: Target; body: Uint8Array | null } {
  const isForm = body?.startsWith("--") === true;
  const type = isForm ? "multipart/form-data; boundary=b0undary" : "application/json";
  const head = parseHead(
    { method, url, headers: [...(body === undefined ? [] : ["content-type", type]), ...extra] },
    surface,
  );
  if (!head.allowed) throw new Error(head.detail);
  const bytes = body === undefined ? null : Buffer.from(body);
  const target =
    bytes === null
      ? ({ allowed: true, value: targetOf(head.value) } as const)
      : isForm
        ? readMultipart(head.value, bytes)
        : parseBody(head.value, bytes);
  if (!target.allowed) throw new Error(target.detail);
  return { head: head.value, target: target.value, body: bytes };
}

function renamed(...args: Parameters<typeof request>) {
  const { head, target, body } = request(...args);
  const result = renameRequest(head, target, body, nameAt);
  return { ...result, body: result.body === null ? null : Buffer.from(result.body as Uint8Array).toString() };
}

const form = (...parts: (readonly [string, string, string?])[]) =>
  `${parts
    .map(
      ([name, content, file]) =>
        `--b0undary\r\ncontent-disposition: form-data; name="${name}"${file === undefined ? "" : `; filename="${file}"`}\r\n\r\n${content}\r\n`,
    )
    .join("")}--b0undary--\r\n`;

describe("a request for a backend that calls the deployment otherwise", () => {
  it("is changed in its body's model, and nowhere else", () => {
    const body =
      '{ "messages": [{"role":"user","content":"model \\"gpt\\" \\u0067pt"}],\n "model" :"gpt", "seed": 1e2 }';
    expect(renamed("POST", "/openai/v1/chat/completions", body)).toEqual({
      path: "/openai/v1/chat/completions",
      query: "",
      headers: [],
      body: body.replace(':"gpt"', ':"gpt-4o-ptu"'),
    });
  });

  it("is changed in its path, and in the idle model of its body", () => {
    const url = "/openai/deployments/gpt/chat/completions?api-version=2024-10-21";
    const found = renamed("POST", url, '{"model":"gpt","messages":[]}');
    expect(found.path).toBe("/openai/deployments/gpt-4o-ptu/chat/completions");
    expect(found.query).toBe("api-version=2024-10-21");
    expect(found.body).toBe('{"model":"gpt-4o-ptu","messages":[]}');
    expect(renamed("POST", url, '{"model":"","messages":[]}').body).toBe('{"model":"","messages":[]}');
    expect(renamed("POST", url, '{"messages":[]}').body).toBe('{"messages":[]}');
  });

  it("does not take a segment of the path for the deployment that is spelt like it", () => {
    names["deployments"] = "other";
    const url = "/openai/deployments/deployments/embeddings?api-version=2024-10-21";
    expect(renamed("POST", url, '{"input":"x"}').path).toBe("/openai/deployments/other/embeddings");
  });

  it("has an ARN as one segment of its path, and as it is in its body", () => {
    const arn = names["arn"] ?? "";
    expect(
      renamed("POST", "/openai/deployments/arn/embeddings?api-version=1", '{"input":"x","model":"arn"}'),
    ).toMatchObject({
      path: `/openai/deployments/${encodeURIComponent(arn)}/embeddings`,
      body: `{"input":"x","model":"${arn}"}`,
    });
  });

  it("names its second deployments as they are called there too", () => {
    const body =
      '{"model":"gpt","messages":[],"data_sources":[{"parameters":{"embedding_dependency":{"type":"deployment_name","deployment_name":"embed"}}}]}';
    expect(renamed("POST", "/openai/v1/chat/completions", body).body).toBe(
      body.replace('"gpt"', '"gpt-4o-ptu"').replace('"embed"', '"embed-eu"'),
    );
    expect(
      renamed("POST", "/openai/v1/responses", '{"model":"same","input":"x"}', [
        "x-ms-oai-image-generation-deployment",
        "image",
      ]).headers,
    ).toEqual(["x-ms-oai-image-generation-deployment", "draw"]);
  });

  it("is changed in the query that opens a realtime session", () => {
    const { head, target } = request("GET", "/openai/v1/realtime?model=gpt", undefined, [
      "upgrade",
      "websocket",
    ]);
    // A session's messages are not rewritten, so it is not sent where names differ.
    expect(isNameable(head, target, nameAt)).toBe(false);
    expect(isNameable(head, target, (name) => name)).toBe(true);
    const { upgrade: _, ...operation } = head.operation;
    expect(renameRequest({ ...head, operation }, target, null, nameAt).query).toBe("model=gpt-4o-ptu");
  });

  it("is changed in the form's model, wherever it stands", () => {
    const first = form(["model", "gpt"], ["file", "\u0000RIFF gpt", "a.wav"]);
    const last = form(["file", 'name="model"\r\n\r\ngpt', "a.wav"], ["model", "gpt"]);
    const renamedForm = (body: string) => renamed("POST", "/openai/v1/audio/transcriptions", body).body;
    expect(renamedForm(first)).toBe(first.replace("\r\ngpt\r\n", "\r\ngpt-4o-ptu\r\n"));
    expect(renamedForm(last)).toBe(last.replace("gpt\r\n--b0undary--", "gpt-4o-ptu\r\n--b0undary--"));
  });

  it("is changed in what is held of a form that is still on its way, and in its length", () => {
    const whole = form(["model", "gpt"], ["file", "x".repeat(1000), "a.wav"]);
    const { head, target } = request("POST", "/openai/v1/audio/transcriptions", whole);
    const cut = whole.indexOf("xxx") + 10;
    const streamed: StreamedBody = {
      length: whole.length,
      held: Buffer.from(whole.slice(0, cut)),
      rest: Readable.from([Buffer.from(whole.slice(cut))]),
    };
    const { body } = renameRequest(head, target, streamed, nameAt);
    if (!isStreamed(body)) throw new Error("it is whole");
    expect(Buffer.from(body.held).toString()).toBe(whole.slice(0, cut).replace("gpt", "gpt-4o-ptu"));
    expect([body.length, body.rest]).toEqual([whole.length + "-4o-ptu".length, streamed.rest]);
  });

  it("keeps its very bytes where the names are the same", () => {
    const { head, target, body } = request("POST", "/openai/v1/embeddings", '{"model":"same","input":"x"}');
    expect(renameRequest(head, target, body, nameAt).body).toBe(body);
  });
});

describe("a request that cannot be renamed", () => {
  it("is a form whose held part ends before its model can be read", () => {
    const whole = form(["model", "gpt"], ["file", "x".repeat(1000), "a.wav"]);
    const { head, target } = request("POST", "/openai/v1/audio/transcriptions", whole);
    for (const cut of [0, 20, whole.indexOf("gpt"), whole.indexOf("gpt") + 3, whole.indexOf("gpt") + 10]) {
      const held = Buffer.from(whole.slice(0, cut));
      const rest = Readable.from([Buffer.from(whole.slice(cut))]);
      const streamed: StreamedBody = { length: whole.length, held, rest };
      expect(() => renameRequest(head, target, streamed, nameAt)).toThrow(/model/);
    }
  });

  it("is a batch's file whose lines name another deployment", () => {
    const line =
      '{"custom_id":"1","method":"POST","url":"/chat/completions","body":{"model":"gpt","messages":[]}}';
    const { head, target, body } = request(
      "POST",
      "/openai/v1/files",
      form(["purpose", "batch"], ["file", line, "batch.jsonl"]),
    );
    expect(isNameable(head, target, nameAt)).toBe(false);
    expect(() => renameRequest(head, target, body, nameAt)).toThrow(/cannot be renamed/);
  });

  it("names a deployment that does not live there", () => {
    const { head, target, body } = request("POST", "/openai/v1/embeddings", '{"model":"gpt","input":"x"}');
    expect(isNameable(head, target, () => undefined)).toBe(false);
    expect(() => renameRequest(head, target, body, () => undefined)).toThrow(/does not live/);
  });

  it.each(['gpt","model":"other', "gpt\\", "gpt\r\n", "gpt\u0000", "gpté", "", ".."])(
    "gets no name that could mean something else: %j",
    (name) => {
      for (const [url, body] of [
        ["/openai/v1/embeddings", '{"model":"gpt","input":"x"}'],
        ["/openai/v1/audio/transcriptions", form(["model", "gpt"], ["file", "x", "a.wav"])],
        ["/openai/deployments/gpt/embeddings?api-version=1", '{"model":"gpt","input":"x"}'],
      ] as const) {
        const { head, target, body: bytes } = request("POST", url, body);
        // Dots are harmless in a body; a path would climb.
        if (name === ".." && !url.includes("/gpt/")) continue;
        if (name === "" && url.includes("/v1/embeddings")) continue;
        expect(() => renameRequest(head, target, bytes, () => name)).toThrow(/name/);
      }
    },
  );

  it("is a fault of the gateway, and not of the client", () => {
    const { head, target, body } = request("POST", "/openai/v1/embeddings", '{"model":"gpt","input":"x"}');
    expect(() => renameRequest(head, target, body, () => undefined)).toThrow(
      expect.objectContaining({ code: "internal_error" }),
    );
  });
});
