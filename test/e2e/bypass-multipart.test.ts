import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BypassBench, type Forwarded, startBypassBench } from "../support/bypass-bench.ts";

let bench: BypassBench;
beforeAll(async () => {
  bench = await startBypassBench();
});
afterAll(() => bench.world.stop());

const type = "multipart/form-data; boundary=b";
const transcriptions = "/openai/v1/audio/transcriptions";
const field = (name: string, value: string) =>
  `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (content = "bytes", name = "file") =>
  `--b\r\ncontent-disposition: form-data; name="${name}"; filename="a"\r\n\r\n${content}\r\n`;
const end = "--b--\r\n";
const form = (...parts: readonly string[]) => ({ target: transcriptions, type, body: parts.join("") });
const model = field("model", "gpt-test");
const other = field("model", "gpt-other");
const good = form(model, file(), end);
// The local Azure transcribes nothing: its 404 says that the form arrived.
const arrives: Forwarded = { operation: "audio-transcriptions", status: 404 };

describe("a form with its deployment", () => {
  it.each([
    ["/openai/v1/audio/transcriptions", "audio-transcriptions", "file"],
    ["/openai/v1/audio/translations", "audio-translations", "file"],
    ["/openai/v1/images/edits", "images-edits", "image"],
    ["/openai/v1/images/variations", "images-variations", "image"],
    ["/openai/v1/videos", "videos-create", "input_reference"],
  ])("%s: passes with the granted one, and with no other", (target, operation, name) => {
    const request = (deployment: string) => ({
      target,
      type,
      body: `${field("model", deployment)}${file("bytes", name)}${end}`,
    });
    return expect(
      bench.prove({
        good: request("gpt-test"),
        arrives: { operation, status: 404 },
        bad: request("gpt-other"),
        reason: "deployment_not_permitted",
      }),
    ).resolves.toBeUndefined();
  });

  it("passes with the model behind the file, byte for byte", () =>
    expect(bench.expectPasses(form(file(), model, end), arrives)).resolves.toBeUndefined());

  it("passes with lone line feeds and dashes in its file", () =>
    expect(
      bench.expectPasses(form(model, file("\n-b\r\n--\r\n\u0000"), end), arrives),
    ).resolves.toBeUndefined());
});

describe("a form that a page has a browser send, with its user's certificate", () => {
  it("passes from the gateway's own page, and from no other site's", () =>
    expect(
      bench.prove({
        good: { ...good, headers: ["origin: https://localhost"] },
        arrives,
        bad: { ...good, headers: ["origin: https://evil.example"] },
        reason: "operation_not_permitted",
      }),
    ).resolves.toBeUndefined());
});

describe("a form in which two readers find two models", () => {
  it.each([
    ["two parts, the other last", form(model, other, file(), end)],
    ["two parts, the other first", form(other, model, file(), end)],
    ["the other behind the file", form(model, file(), other, end)],
    ["the other behind the last delimiter", form(model, file(), end, other, end)],
    ["the other before the first delimiter", form("preamble\r\n", other, model, file(), end)],
    ["an array's name", form(model, field("model[]", "gpt-other"), file(), end)],
    ["an array's name with an index", form(model, field("model[0]", "gpt-other"), file(), end)],
    ["a name in upper case", form(model, field("Model", "gpt-other"), file(), end)],
    ["a name that is encoded", form(model, field("mod%65l", "gpt-other"), file(), end)],
    ["a name with a backslash", form(model, field("mod\\el", "gpt-other"), file(), end)],
    ["a name with a space", form(model, field("model ", "gpt-other"), file(), end)],
    ["two names in one part", form(model, field('prompt"; name="model', "gpt-other"), file(), end)],
    [
      "an extended name",
      form(
        model,
        `--b\r\ncontent-disposition: form-data; name="prompt"; name*=utf-8''model\r\n\r\ngpt-other\r\n`,
        file(),
        end,
      ),
    ],
    [
      "two dispositions",
      form(
        model,
        `--b\r\ncontent-disposition: form-data; name="prompt"\r\ncontent-disposition: form-data; name="model"\r\n\r\ngpt-other\r\n`,
        file(),
        end,
      ),
    ],
    [
      "a folded disposition",
      form(
        model,
        `--b\r\ncontent-disposition: form-data;\r\n name="model"\r\n\r\ngpt-other\r\n`,
        file(),
        end,
      ),
    ],
    ["a model that is a file", form(model, file("gpt-other", "model"), end)],
    ["a model that is only a file", form(file("gpt-test", "model"), file(), end)],
    ["a part with lone line feeds", form(model, other.replaceAll("\r\n", "\n"), file(), end)],
    [
      "a part with lone line feeds in the file",
      form(model, file(`x\n--b\ncontent-disposition: form-data; name="model"\n\ngpt-other`), end),
    ],
    ["padding behind the delimiter", form(model, other.replace("--b\r\n", "--b \r\n"), file(), end)],
    [
      "a transfer encoding",
      form(model.replace("\r\n\r\n", "\r\ncontent-transfer-encoding: base64\r\n\r\n"), file(), end),
    ],
    [
      "a charset",
      form(model.replace("\r\n\r\n", "\r\ncontent-type: text/plain; charset=utf-16\r\n\r\n"), file(), end),
    ],
    [
      "a form in a form",
      form(model, file().replace("\r\n\r\n", "\r\ncontent-type: multipart/mixed; boundary=c\r\n\r\n"), end),
    ],
    ["a line end behind the model", form(field("model", "gpt-test\n"), file(), end)],
    ["a list of models", form(field("model", "gpt-test,gpt-other"), file(), end)],
    ["an empty model", form(field("model", ""), file(), end)],
    ["no model", form(file(), end)],
    ["no last delimiter", form(model, file())],
    ["JSON under a form's type", { ...good, body: '{"model":"gpt-test"}' }],
    ["another boundary than its type's", { ...good, type: "multipart/form-data; boundary=c" }],
    ["two boundaries", { ...good, type: "multipart/form-data; boundary=b; boundary=c" }],
    ["a boundary in quotes with an escape", { ...good, type: 'multipart/form-data; boundary="\\b"' }],
    ["an extended boundary", { ...good, type: "multipart/form-data; boundary*=utf-8''b" }],
    ["no boundary", { ...good, type: "multipart/form-data" }],
    ["another kind of form", { ...good, type: "multipart/mixed; boundary=b" }],
    [
      "a form of a browser",
      { ...good, type: "application/x-www-form-urlencoded", body: "model=gpt-test&model=gpt-other" },
    ],
  ])("%s", (_name, bad) =>
    expect(bench.prove({ good, arrives, bad, reason: "request_malformed" })).resolves.toBeUndefined(),
  );

  it.each([
    ["a deployment", form(model, field("deployment", "gpt-other"), file(), end)],
    ["a model of something", form(model, field("diarization_model", "gpt-other"), file(), end)],
    ["a model in an object", form(model, field("options[model]", "gpt-other"), file(), end)],
  ])("and %s", (_name, bad) =>
    expect(bench.prove({ good, arrives, bad, reason: "deployment_not_permitted" })).resolves.toBeUndefined(),
  );

  it("a model that is not the path's", () => {
    const target = "/openai/deployments/gpt-test/audio/transcriptions?api-version=2024-10-21";
    return expect(
      bench.prove({
        good: { ...good, target },
        arrives,
        bad: { ...form(other, file(), end), target },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined();
  });
});

const line = (name: string, more = "") =>
  `{"custom_id":"1","method":"POST","url":"/chat/completions","body":{"model":"${name}"${more},"messages":[{"role":"user","content":"x"}]}}`;
const upload = (content: string, purpose = "batch", first = true) => ({
  target: "/openai/v1/files",
  type,
  body: `${first ? field("purpose", purpose) : ""}${file(content)}${first ? "" : field("purpose", purpose)}${end}`,
});

describe("a batch's file", () => {
  const asFile = { operation: "files-create" };

  it.each([
    ["of another deployment", line("gpt-other"), "deployment_not_permitted"],
    ["whose last line is another's", `${line("gpt-test")}\n${line("gpt-other")}`, "deployment_not_permitted"],
    [
      "whose first line is another's",
      `${line("gpt-other")}\n${line("gpt-test")}`,
      "deployment_not_permitted",
    ],
    [
      "with a second deployment in a line",
      line("gpt-test", ',"deployment":"gpt-other"'),
      "deployment_not_permitted",
    ],
    ["with the key twice in a line", line("gpt-test", ',"model":"gpt-other"'), "request_malformed"],
    ["with an escaped key in a line", line("gpt-test", ',"\\u006dodel":"gpt-other"'), "request_malformed"],
    ["with a key in another case in a line", line("gpt-test", ',"Model":"gpt-other"'), "request_malformed"],
    [
      "with two bodies in a line",
      line("gpt-test").replace(/}$/, ',"body":{"model":"gpt-other"}}'),
      "request_malformed",
    ],
    ["with two requests in a line", `${line("gpt-test")}${line("gpt-other")}`, "request_malformed"],
    [
      "with lines that only some readers see",
      `${line("gpt-test")}\r${line("gpt-other")}`,
      "request_malformed",
    ],
    [
      "with lines that only Python sees",
      `${line("gpt-test")}\u2028${line("gpt-other")}`,
      "request_malformed",
    ],
    [
      "with a line for another operation",
      line("gpt-test").replace("/chat/completions", "/openai/deployments/gpt-other/chat/completions"),
      "request_malformed",
    ],
    ["with a byte order mark", `\ufeff${line("gpt-test")}`, "request_malformed"],
    ["that is no JSON", "gpt-other", "request_malformed"],
    ["with no line", "", "request_malformed"],
    [
      "with a stored object in a line",
      line("gpt-test").replace(/"content":"x"/, '"content":[{"type":"file","file":{"file_id":"file-1"}}]'),
      "request_malformed",
    ],
  ] as const)("%s", async (_name, content, reason) => {
    const named = upload(line("gpt-test"));
    await expect(
      bench.prove({ good: named, arrives: asFile, bad: upload(content), reason }),
    ).resolves.toBeUndefined();
    // The purpose may come behind the file: until then it might be a batch's.
    const unnamed = { ...asFile, deployment: "gpt-test" };
    await expect(
      bench.prove({
        good: upload(line("gpt-test"), "batch", false),
        arrives: unnamed,
        bad: upload(content, "batch", false),
        reason,
      }),
    ).resolves.toBeUndefined();
  });

  it.each([
    [
      "twice",
      `${field("purpose", "assistants")}${field("purpose", "batch")}${file(line("gpt-other"))}${end}`,
    ],
    [
      "as an array",
      `${field("purpose[]", "batch")}${field("purpose", "assistants")}${file(line("gpt-other"))}${end}`,
    ],
    ["in upper case", `${field("purpose", "Batch")}${file(line("gpt-other"))}${end}`],
    ["with a space", `${field("purpose", "batch ")}${file(line("gpt-other"))}${end}`],
    [
      "under a name in upper case",
      `${field("Purpose", "batch")}${field("purpose", "user_data")}${file(line("gpt-other"))}${end}`,
    ],
    ["not at all", `${file(line("gpt-other"))}${end}`],
  ])("cannot hide its purpose: %s", (_name, body) =>
    expect(
      bench.prove({
        good: upload(line("gpt-test")),
        arrives: asFile,
        bad: { ...upload(""), body },
        reason: "request_malformed",
      }),
    ).resolves.toBeUndefined(),
  );

  it("is not read by its lines when it comes in parts or out of a blob", async () => {
    await expect(bench.expectPasses(upload(line("gpt-test")), asFile)).resolves.toBeUndefined();
    for (const [target, body] of [
      ["/openai/v1/uploads", '{"purpose":"batch","filename":"a","bytes":1,"mime_type":"application/jsonl"}'],
      [
        "/openai/v1/batches",
        '{"input_blob":"https://x.example/gpt-other.jsonl","endpoint":"/chat/completions","completion_window":"24h"}',
      ],
    ] as const)
      await expect(bench.expectRefused({ target, body }, "operation_not_permitted")).resolves.toBeUndefined();
  });
});
