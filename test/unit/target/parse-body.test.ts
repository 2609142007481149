import { describe, expect, it } from "vitest";
import { parseBody } from "../../../src/target/parse-body.ts";
import { parseHead } from "../../../src/target/parse-head.ts";

const headOf = (url: string) => {
  const method = url.includes("/models") ? "GET" : "POST";
  const headers = method === "GET" ? [] : ["content-type", "application/json"];
  const verdict = parseHead({ method, url, headers });
  if (!verdict.allowed) throw new Error(verdict.detail);
  return verdict.value;
};
const chat = headOf("/openai/v1/chat/completions");
const responses = headOf("/openai/v1/responses");
const classic = headOf("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21");

const parse = (body: unknown, head = chat) =>
  parseBody(
    head,
    Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
  );
const detail = (verdict: ReturnType<typeof parse>) =>
  verdict.allowed ? "allowed" : `${verdict.code}: ${verdict.detail}`;
const nest = (depth: number) => `{"model":"m","x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
const keys = (count: number) => Array.from({ length: count }, (_, i) => `"k${i}":0`).join(",");
const messages = [{ role: "user", content: "Hello" }];

describe("the model of a v1 body", () => {
  it.each([
    ["null", '{"model":null}'],
    ["a number", '{"model":4}'],
    ["a list", '{"model":["gpt-4o"]}'],
    ["an object", '{"model":{"name":"gpt-4o"}}'],
    ["empty", '{"model":""}'],
    ["with a slash", '{"model":"a/b"}'],
    ["with a trailing dot", '{"model":"gpt-4o."}'],
    ["with a trailing space", '{"model":"gpt-4o "}'],
    ["with a byte outside ASCII", '{"model":"gpt-4\u00f6"}'],
    ["a wildcard", '{"model":"*"}'],
    ["overlong", `{"model":"${"a".repeat(65)}"}`],
    ["very long", `{"model":"${"a".repeat(5000)}"}`],
    ["spelt with an escape", '{"model":"gpt\\u002d4o"}'],
    ["under an escaped key", '{"\\u006dodel":"gpt-4o"}'],
    ["under an upper-case key", '{"Model":"gpt-4o"}'],
    ["under a key that folds to it", '{"\uff4dodel":"gpt-4o"}'],
    ["deeper than the top", '{"request":{"model":"gpt-4o"}}'],
  ])("is refused: %s", (_, body) => {
    expect(parse(body)).toMatchObject({ allowed: false });
  });

  it.each([
    ["twice", '{"model":"gpt-4o","model":"other"}'],
    ["twice, the same", '{"model":"gpt-4o","model":"gpt-4o"}'],
    ["twice, once escaped", '{"model":"gpt-4o","\\u006dodel":"other"}'],
    ["twice, once escaped, the other way round", '{"\\u006dodel":"other","model":"gpt-4o"}'],
    [
      "twice, far apart",
      `{"model":"gpt-4o",${Array.from({ length: 50 }, (_, i) => `"k${i}":1`).join(",")},"model":"other"}`,
    ],
    ["in two cases", '{"model":"gpt-4o","MODEL":"other"}'],
  ])("is refused: %s", (_, body) => {
    expect(detail(parse(body))).toMatch(/^request_malformed: .*model/i);
  });
});

describe("the model of a classic body", () => {
  it.each([
    ["absent", {}],
    ["equal to the path's deployment, as AzureOpenAI sends it", { model: "gpt-4o" }],
    ["empty, as Azure's samples have it", { model: "" }],
  ])("may be %s", (_, body) => {
    expect(parse({ ...body, messages }, classic)).toMatchObject({ value: { deployments: ["gpt-4o"] } });
  });

  it.each([
    ["another name", { model: "other" }],
    ["the same name in another case", { model: "GPT-4o" }],
    ["null", { model: null }],
    ["a list", { model: ["gpt-4o"] }],
  ])("may not be %s", (_, body) => {
    expect(parse({ ...body, messages }, classic)).toMatchObject({
      allowed: false,
      code: "request_malformed",
    });
  });
});

describe("stream", () => {
  it.each([
    ["true", true],
    ["false", false],
    ["null", false],
  ])("%s means %s", (text, stream) => {
    expect(parse(`{"model":"m","stream":${text}}`)).toMatchObject({ value: { stream } });
  });

  it.each(['"true"', "1", "{}", "[true]"])("%s is refused", (text) => {
    expect(detail(parse(`{"model":"m","stream":${text}}`))).toContain('"stream" must be true or false');
  });

  it("counts at the top level only", () => {
    expect(parse('{"model":"m","x":{"stream":true}}')).toMatchObject({ value: { stream: false } });
  });
});

describe("bytes that are not one plain JSON object", () => {
  const object = '{"model":"m"}';
  it.each([
    ["nothing", ""],
    ["white space", " \n"],
    ["a list", `[${object}]`],
    ["a string", '"model"'],
    ["null", "null"],
    ["two objects", `${object}${object}`],
    ["an object and more", `${object} x`],
    ["an object and a NUL", `${object}\u0000`],
    ["an object that does not end", '{"model":"m"'],
    ["a string that does not end", '{"model":"m'],
    ["a comment", '{"model":"m"/*,"model":"x"*/}'],
    ["a trailing comma", '{"model":"m",}'],
    ["a leading comma", '{,"model":"m"}'],
    ["two commas", '{"model":"m",,"a":1}'],
    ["a missing comma", '{"model":"m" "a":1}'],
    ["a missing colon", '{"model" "m"}'],
    ["a missing value", '{"model":}'],
    ["single quotes", "{'model':'m'}"],
    ["a bare key", '{model:"m"}'],
    ["NaN", '{"model":"m","x":NaN}'],
    ["a leading zero", '{"model":"m","x":01}'],
    ["a leading plus", '{"model":"m","x":+1}'],
    ["a lone minus", '{"model":"m","x":-}'],
    ["a dot without digits", '{"model":"m","x":1.}'],
    ["an exponent without digits", '{"model":"m","x":1e}'],
    ["a misspelt literal", '{"model":"m","x":nul}'],
    ["a literal with a tail", '{"model":"m","x":nulll}'],
    ["a line end in a string", '{"model":"m","x":"a\nb"}'],
    ["an unknown escape", '{"model":"m","x":"\\x41"}'],
    ["a broken unicode escape", '{"model":"m","x":"\\u00g0"}'],
    ["a wrong end", '{"model":"m"]'],
    ["a wrong inner end", '{"model":"m","x":[1}}'],
    ["half of a surrogate pair in a key", '{"model":"m","\\ud800":1}'],
    ["a duplicate key deep inside", '{"model":"m","a":[{"b":{"c":1,"c":2}}]}'],
    ["a duplicate key in the caller's own data", '{"model":"m","metadata":{"c":1,"c":2}}'],
    ["a no-break space between tokens", '{\u00a0"model":"m"}'],
  ])("are refused: %s", (_, body) => {
    expect(parse(body)).toMatchObject({ allowed: false, code: "request_malformed" });
  });

  it.each([
    [
      "a byte order mark",
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(object)]),
      "byte order mark",
    ],
    ["UTF-16", Buffer.from(object, "utf16le"), ""],
    [
      "UTF-16 with its mark",
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(object, "utf16le")]),
      "UTF-8",
    ],
    ["gzip", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), "UTF-8"],
    ["Latin-1", Buffer.from('{"model":"m","x":"\u00e9"}', "latin1"), "UTF-8"],
    ["overlong UTF-8", Buffer.from([0x7b, 0x22, 0xc1, 0xad, 0x22, 0x3a, 0x31, 0x7d]), "UTF-8"],
    ["a surrogate in UTF-8", Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]), "UTF-8"],
  ])("are refused: %s", (_, body, rule) => {
    const verdict = parse(body);
    expect(verdict).toMatchObject({ allowed: false, code: "request_malformed" });
    expect(detail(verdict)).toContain(rule);
  });

  it("are refused when nested too deep, without exhausting the stack", () => {
    expect(parse(nest(127))).toMatchObject({ allowed: true });
    expect(detail(parse(nest(128)))).toContain("deeper");
    expect(detail(parse(`{"model":"m","x":${"[".repeat(1_000_000)}`))).toContain("deeper");
  });

  it("are refused with too many keys in one object", () => {
    expect(parse(`{"model":"m","metadata":{${keys(10_000)}}}`)).toMatchObject({ allowed: true });
    expect(detail(parse(`{"model":"m","metadata":{${keys(10_001)}}}`))).toContain("too many keys");
  });
});

describe("good JSON of any kind", () => {
  it("passes", () => {
    const body = `\r\n\t {"model" : "m" , "n":[0,-0,1.5e+10,2E-3,-12.25,true,false,null,[],{}],"s":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9 \\ud83d\\ude00 é😀","":1,"__proto__":{"constructor":1}} \n`;
    expect(parse(body)).toMatchObject({ allowed: true, value: { deployments: ["m"] } });
  });

  it("is read from a view into a larger buffer, and from nothing beside it", () => {
    const text = '{"model":"m"}';
    const buffer = Buffer.from(`xx${text}{"model":"other"}`);
    expect(parseBody(chat, new Uint8Array(buffer.buffer, buffer.byteOffset + 2, text.length))).toMatchObject({
      value: { deployments: ["m"] },
    });
  });

  it("may say model, deployment and ids in the caller's own data", () => {
    const schema = {
      type: "object",
      properties: { model: { type: "string" }, file_id: {}, deployment_name: {} },
    };
    const body = {
      model: "m",
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "my model" },
            { type: "image_url", image_url: { url: "x" } },
          ],
        },
        {
          role: "assistant",
          tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }],
        },
        { role: "tool", tool_call_id: "call_1", content: "{}" },
      ],
      tools: [{ type: "function", function: { name: "f", parameters: schema } }],
      response_format: { type: "json_schema", json_schema: { name: "x", schema } },
      metadata: { model: "x", file_id: "y" },
      modalities: ["text"],
    };
    expect(detail(parse(body))).toBe("allowed");
    const asResponse = {
      model: "m",
      previous_response_id: null,
      conversation: null,
      background: false,
      input: [
        { role: "user", content: [{ type: "input_text", text: "x" }] },
        { type: "function_call", id: "fc_1", call_id: "call_1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "call_1", output: "{}" },
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "x".repeat(1000) },
      ],
      tools: [
        { type: "function", name: "f", parameters: schema },
        { type: "code_interpreter", container: { type: "auto" } },
        { type: "mcp", server_label: "x", server_url: "https://x", headers: { "x-model": "y" } },
      ],
      text: { format: { type: "json_schema", name: "x", schema } },
    };
    expect(detail(parse(asResponse, responses))).toBe("allowed");
  });
});

describe("parseBody", () => {
  it("gives no target to an operation without a body", () => {
    expect(() => parseBody(headOf("/openai/v1/models"), Buffer.from("{}"))).toThrow(TypeError);
  });

  it("does not repeat content in a denial", () => {
    const verdict = parse('{"model":"m","messages":[{"role":"user","content":"my secret prompt"}],"x":}');
    expect(JSON.stringify(verdict)).not.toContain("secret");
  });

  it("traces what the request names", () => {
    expect(parse({ model: "m" }).trace).toMatchObject([
      { check: "target", outcome: "pass", detail: "chat-completions names m" },
    ]);
  });
});
