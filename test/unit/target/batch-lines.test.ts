import { describe, expect, it } from "vitest";
import type { Target } from "../../../src/model/target.ts";
import type { Verdict } from "../../../src/model/verdict.ts";
import { startMultipart } from "../../../src/target/multipart/start-multipart.ts";
import { parseHead } from "../../../src/target/parse-head.ts";
import { formHeaders, formOf, part } from "./samples.ts";

const verdict = parseHead({ method: "POST", url: "/openai/v1/files", headers: formHeaders });
if (!verdict.allowed) throw new Error(verdict.detail);
const head = verdict.value;

const line = (model: unknown, more: object = {}, body: object = {}) =>
  JSON.stringify({
    custom_id: "a",
    method: "POST",
    url: "/chat/completions",
    body: { model, messages: [], ...body },
    ...more,
  });
const lines = (...texts: string[]) => texts.join("\n");
const upload = (file: string | Buffer, purpose = "batch", fileFirst = false) => {
  const parts = [part("purpose", purpose), part("file", file, "a.jsonl")];
  return formOf(...(fileFirst ? parts.toReversed() : parts));
};
/** In pieces: the last verdict, and how much was pushed when the target was given. */
function feed(body: Buffer, size = 16): { verdict: Verdict<Target>; at: number | undefined } {
  const reader = startMultipart(head);
  let at: number | undefined;
  for (let from = 0; from < body.length; from += size) {
    const answer = reader.push(body.subarray(from, from + size));
    if (answer === "more") continue;
    if (!answer.allowed) return { verdict: answer, at };
    at = from + size;
  }
  return { verdict: reader.end(), at };
}
const told = (file: string | Buffer, fileFirst = false) => {
  const { verdict: last } = feed(upload(file, "batch", fileFirst));
  return last.allowed ? `allowed ${last.value.deployments.join()}` : `${last.code}: ${last.detail}`;
};

describe("the lines of a batch", () => {
  it.each([true, false])("name the deployment that must be granted (file first: %s)", (fileFirst) => {
    expect(told(lines(line("gpt-4o"), line("gpt-4o"), ""), fileFirst)).toBe("allowed gpt-4o");
    expect(told(`${line("gpt-4o")}\r\n${line("gpt-4o")}`, fileFirst)).toBe("allowed gpt-4o");
  });

  it("are decided upon with the first, and watched to the last", () => {
    const many = [...Array.from({ length: 50 }, () => line("gpt-4o")), line("other")];
    const { verdict: last, at } = feed(upload(lines(...many)));
    expect(at).toBeLessThan(600);
    expect(last).toMatchObject({ allowed: false, code: "deployment_not_permitted" });
    expect(last.allowed ? "" : last.detail).toContain("same deployment");
  });

  it("may be of each kind that a batch takes", () => {
    for (const url of [
      "/chat/completions",
      "/v1/chat/completions",
      "/v1/completions",
      "/v1/embeddings",
      "/v1/responses",
    ])
      expect(told(line("gpt-4o", { url }))).toBe("allowed gpt-4o");
  });

  it("may say what they are about behind their body", () => {
    expect(told('{"body":{"model":"gpt-4o","messages":[]},"url":"/v1/responses","method":"POST"}')).toBe(
      "allowed gpt-4o",
    );
  });

  it.each([
    ["none", ""],
    ["empty ones only", "\n\n\r\n"],
    ["no model", lines(line("gpt-4o"), line(undefined))],
    ["no body", '{"method":"POST","url":"/chat/completions"}'],
    ["another model later", lines(line("gpt-4o"), line("other"))],
    ["two models in one", '{"url":"/chat/completions","body":{"model":"gpt-4o","model":"other"}}'],
    ["an escaped key", '{"url":"/chat/completions","body":{"model":"gpt-4o","\\u006dodel":"other"}}'],
    ["an escaped model", '{"url":"/chat/completions","body":{"model":"gpt\\u002d4o"}}'],
    ["two bodies", '{"url":"/chat/completions","body":{"model":"gpt-4o"},"body":{"model":"other"}}'],
    ["a model beside the body", line("gpt-4o", { model: "other" })],
    ["a body in another case", line("gpt-4o", { Body: { model: "other" } })],
    ["a model that is a list", line(["gpt-4o"])],
    ["a model that is null", line(null)],
    ["no URL", '{"body":{"model":"gpt-4o"}}'],
    ["an unknown URL", line("gpt-4o", { url: "/v1/files" })],
    ["a URL with a deployment", line("gpt-4o", { url: "/openai/deployments/other/chat/completions" })],
    ["a URL with a query", line("gpt-4o", { url: "/chat/completions?model=other" })],
    ["another method", line("gpt-4o", { method: "GET" })],
    [
      "a second deployment in a tool",
      line("gpt-4o", { url: "/v1/responses" }, { tools: [{ type: "mcp", model: "x" }] }),
    ],
    ["an image tool", line("gpt-4o", { url: "/v1/responses" }, { tools: [{ type: "image_generation" }] })],
    ["a stored object", line("gpt-4o", { url: "/v1/responses" }, { previous_response_id: "resp_1" })],
    ["a data source", line("gpt-4o", {}, { data_sources: [{}] })],
    ["a list", `[${line("gpt-4o")}]`],
    ["two objects in one", `${line("gpt-4o")}${line("other")}`],
    ["two objects with a CR between", `${line("gpt-4o")}\r${line("other")}`],
    // A reader with universal newlines finds a whole line in the middle of this one.
    [
      "one that lies between two CRs in another",
      line("gpt-4o", {}, { metadata: "HERE" }).replace('"HERE"', `{"x":\r${line("other")}\r}`),
    ],
    ["one with a CR inside", line("gpt-4o").replace("{", "{\r")],
    ["a byte order mark", `\ufeff${line("gpt-4o")}`],
    ["UTF-16", Buffer.from(line("gpt-4o"), "utf16le")],
    ["gzip", Buffer.from([0x1f, 0x8b, 8, 0])],
    ["one that is too long", `${line("gpt-4o")}\n{"x":"${"a".repeat(5_000_000)}"}`],
  ])("are refused: %s, whichever came first", (_, file) => {
    expect(told(file)).toMatch(/^(?:request_malformed|deployment_not_permitted|operation_not_permitted): /);
    expect(told(file, true)).toMatch(
      /^(?:request_malformed|deployment_not_permitted|operation_not_permitted): /,
    );
  });

  it("say nothing in a file of another purpose, whichever came first", () => {
    for (const fileFirst of [true, false]) {
      const { verdict: last } = feed(upload("\u0000not JSON", "fine-tune", fileFirst));
      expect(last).toMatchObject({ allowed: true, value: { deployments: [], creates: "file" } });
    }
  });

  it.each(["Batch", "batch ", "BATCH", "batch\n", "", "b%61tch", "batch,fine-tune"])(
    "are no lines of the purpose %j, which is none",
    (purpose) => {
      expect(feed(upload(line("gpt-4o"), purpose)).verdict).toMatchObject({
        allowed: false,
        code: "request_malformed",
      });
    },
  );

  it.each([
    ["no purpose", formOf(part("file", line("gpt-4o"), "a"))],
    ["two purposes", formOf(part("purpose", "fine-tune"), part("file", "x", "a"), part("purpose", "batch"))],
    [
      "a list of purposes",
      formOf(part("purpose[]", "batch"), part("purpose", "fine-tune"), part("file", "x", "a")),
    ],
    ["no file", formOf(part("purpose", "batch"))],
    [
      "two files",
      formOf(part("purpose", "batch"), part("file", line("a"), "a"), part("file", line("b"), "b")),
    ],
  ])("need one purpose and one file: %s", (_, body) => {
    expect(feed(body).verdict).toMatchObject({ allowed: false, code: "request_malformed" });
  });
});
