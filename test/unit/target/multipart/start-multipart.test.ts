import { describe, expect, it } from "vitest";
import type { Target } from "../../../../src/model/target.ts";
import type { Verdict } from "../../../../src/model/verdict.ts";
import { readMultipart, startMultipart } from "../../../../src/target/multipart/start-multipart.ts";
import { parseHead } from "../../../../src/target/parse-head.ts";
import { formHeaders, formOf, part } from "../samples.ts";

const headOf = (url: string) => {
  const verdict = parseHead({ method: "POST", url, headers: formHeaders });
  if (!verdict.allowed) throw new Error(verdict.detail);
  return verdict.value;
};
const transcription = headOf("/openai/v1/audio/transcriptions");
const classic = headOf("/openai/deployments/whisper/audio/transcriptions?api-version=2024-10-21");
const images = headOf("/openai/v1/images/edits");
const upload = headOf("/openai/v1/files");

const file = part("file", Buffer.alloc(300, 7), "a.mp3");
const model = part("model", "whisper");
const good = formOf(model, file);

/** Pushes in pieces; the answers, and where the target was given. */
function feed(body: Buffer, size: number, head = transcription, heldBytes?: number) {
  const reader = startMultipart(head, heldBytes === undefined ? {} : { heldBytes });
  let at: number | undefined;
  let given: Verdict<Target> | undefined;
  for (let from = 0; from < body.length; from += size) {
    const answer = reader.push(body.subarray(from, from + size));
    if (answer === "more") continue;
    if (!answer.allowed) return { verdict: answer, at, given };
    if (given !== undefined) throw new Error("a second target");
    given = answer;
    at = from + size;
  }
  return { verdict: reader.end(), at, given };
}
const detail = (verdict: Verdict<Target>) =>
  verdict.allowed ? `allowed ${verdict.value.deployments.join()}` : `${verdict.code}: ${verdict.detail}`;
const told = (body: Buffer, head = transcription) => detail(readMultipart(head, body));
const raw = (text: string) => Buffer.from(text.replaceAll("B!", "sample-boundary"), "latin1");

describe("a form", () => {
  it.each([1, 2, 3, 7, 64])("names the same in pieces of %i bytes", (size) => {
    const { verdict, given } = feed(good, size);
    expect(detail(verdict)).toBe("allowed whisper");
    expect(given).toMatchObject({ allowed: true, value: { deployments: ["whisper"], stream: false } });
  });

  it("gives its target when the file begins, not when it ends", () => {
    const { at = Infinity } = feed(good, 1);
    expect(at).toBeLessThanOrEqual(good.indexOf(Buffer.alloc(4, 7)));
  });

  it("gives its target at the end when the file stood first, as the official client sends it", () => {
    const { verdict, at } = feed(formOf(file, model, part("stream", "true")), 10);
    expect(at).toBeUndefined();
    expect(verdict).toMatchObject({ allowed: true, value: { deployments: ["whisper"], stream: true } });
  });

  it("is held back no longer than the bound", () => {
    expect(feed(formOf(file, model), 10, transcription, 250).verdict).toMatchObject({
      allowed: false,
      code: "body_too_large",
    });
    expect(feed(good, 10, transcription, 250).verdict).toMatchObject({ allowed: true });
  });

  it("on a classic path gives its target at once, and may name the same model later, but no other", () => {
    const { at = Infinity, verdict } = feed(formOf(file, part("model", "whisper")), 1, classic);
    expect(at).toBeLessThan(300);
    expect(detail(verdict)).toBe("allowed whisper");
    expect(detail(feed(formOf(file), 1, classic).verdict)).toBe("allowed whisper");
    expect(detail(feed(formOf(file, part("model", "other")), 50, classic).verdict)).toMatch(
      /^request_malformed: .*disagree/,
    );
  });

  it("may hold what the official clients send beside", () => {
    expect(
      told(
        formOf(
          part("timestamp_granularities[]", "word"),
          part("timestamp_granularities[]", "segment"),
          part("chunking_strategy[type]", "server_vad"),
          part("prompt", "Grüße, my model is\r\n--x"),
          part("temperature", "0"),
          good.subarray(0, 0),
          model,
          file,
        ),
      ),
    ).toBe("allowed whisper");
    expect(
      told(
        formOf(part("image[]", "1", "a.png"), part("image[]", "2", "b.png"), part("model", "draw")),
        images,
      ),
    ).toBe("allowed draw");
    expect(
      told(formOf(part("purpose", "fine-tune"), part("expires_after[anchor]", "created_at"), file), upload),
    ).toBe("allowed ");
  });

  it("is read as .NET writes it: names without quotes, a second spelling of the file's name, types", () => {
    expect(
      told(
        raw(
          "--B!\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=model\r\n\r\nwhisper\r\n" +
            "--B!\r\nContent-Disposition: form-data; name=file; filename=a.mp3; filename*=utf-8''a.mp3\r\n\r\nx\r\n--B!--\r\n",
        ),
      ),
    ).toBe("allowed whisper");
  });
});

describe("the model of a form", () => {
  it.each([
    ["missing", [file]],
    ["empty", [part("model", ""), file]],
    ["twice", [model, file, model]],
    ["twice, the other one later", [model, file, part("model", "other")]],
    ["twice before the file", [model, part("model", "other"), file]],
    ["a file", [part("model", "whisper", "model"), file]],
    ["with a space", [part("model", "whisper "), file]],
    ["with a line end", [part("model", "whisper\r\n"), file]],
    ["with a slash", [part("model", "../whisper"), file]],
    ["with a wildcard", [part("model", "*"), file]],
    ["not UTF-8", [part("model", Buffer.from([0xff])), file]],
    ["UTF-16", [part("model", Buffer.from("whisper", "utf16le")), file]],
    ["overlong", [part("model", "a".repeat(65)), file]],
    ["in upper case", [model, part("Model", "other"), file]],
    ["as a list", [model, part("model[]", "other"), file]],
    ["as a map", [model, part("model[x]", "other"), file]],
    ["as a list first", [part("model[]", "other"), model, file]],
    ["with an escaped name", [model, part("mod%65l", "other"), file]],
    ["with a quoted pair", [model, part('m\\"odel', "other"), file]],
    ["with a space in its name", [model, part("model ", "other"), file]],
    ["with a NUL in its name", [model, part("model\u0000", "other"), file]],
    ["with a name outside ASCII", [model, part("ｍodel", "other"), file]],
  ])("is refused: %s", (_, parts) => {
    expect(told(formOf(...parts))).toMatch(/^request_malformed/);
  });

  it.each(["deployment", "deployment_id", "transcription_model", "engine", "options[model]", "engine[x]"])(
    "has no second in another part: %s",
    (name) => {
      expect(told(formOf(model, part(name, "other"), file))).toMatch(/^deployment_not_permitted/);
    },
  );

  it.each(["file_id", "previous_id", "options[voice_id]"])("stands beside no stored object: %s", (name) => {
    expect(told(formOf(model, part(name, "x"), file))).toMatch(/^request_malformed/);
  });
});

describe("bytes that are not one plain form", () => {
  const head = '--B!\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n';
  const rest = '--B!\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--B!--\r\n';
  const other = 'Content-Disposition: form-data; name="model"\r\n\r\nother';
  const withHead = (...lines: string[]) => `${head}--B!\r\n${lines.join("\r\n")}\r\n\r\nx\r\n--B!--\r\n`;
  const disposition = 'Content-Disposition: form-data; name="file"; filename="a"';

  it("are good without any of these", () => {
    expect(told(raw(head + rest))).toBe("allowed whisper");
    expect(told(raw(withHead(disposition)))).toBe("allowed whisper");
    expect(told(raw((head + rest).slice(0, -2)))).toBe("allowed whisper");
  });

  it.each([
    ["nothing", ""],
    ["only an end", "--B!--\r\n"],
    ["a preamble", `x\r\n${head}${rest}`],
    ["an empty line before", `\r\n${head}${rest}`],
    ["an epilogue", `${head}${rest}x`],
    ["a second form behind", `${head}${rest}${head}${rest}`],
    ["two line ends behind", `${head}${rest}\r\n`],
    ["no end", (head + rest).replace("--B!--\r\n", "")],
    ["half an end", (head + rest).replace("--B!--\r\n", "--B!-")],
    ["padding behind a delimiter", head.replace("--B!\r\n", "--B! \r\n") + rest],
    ["a delimiter in bare LF", `${head.slice(0, -2)}\n${rest}`],
    ["LF only", (head + rest).replaceAll("\r\n", "\n")],
    [
      "a part in a file behind a bare LF",
      head + rest.replace("x\r\n", `x\n--B!\n${other.replaceAll("\r", "")}\n`),
    ],
    ["a part in a file behind a bare CR", head + rest.replace("x\r\n", `x\r--B!\r\n${other}\r\n`)],
    [
      "a part in a file behind a padded delimiter",
      head + rest.replace("x\r\n", `x\r\n--B!\t\r\n${other}\r\n`),
    ],
    ["a longer boundary in a file", head + rest.replace("x\r\n", `x\r\n--B!x\r\n${other}\r\n`)],
    ["the delimiter's text in a field", head.replace("whisper", "whisper--B!") + rest],
    ["the delimiter's text in a file's name", head + rest.replace('"a"', '"--B!"')],
    ["no headers", withHead("")],
    ["no disposition", withHead("Content-Type: text/plain")],
    ["two dispositions", withHead(disposition, 'Content-Disposition: form-data; name="model"')],
    ["two names", withHead('Content-Disposition: form-data; name="file"; name="model"; filename="a"')],
    ["two file names", withHead('Content-Disposition: form-data; name="file"; filename="a"; filename="b"')],
    ["a name in the second spelling", withHead(`${disposition}; name*=utf-8''model`)],
    [
      "a file name in the second spelling only",
      withHead("Content-Disposition: form-data; name=file; filename*=utf-8''a"),
    ],
    ["no name", withHead('Content-Disposition: form-data; filename="a"')],
    ["an attachment", withHead('Content-Disposition: attachment; name="file"; filename="a"')],
    ["a folded header", withHead('Content-Disposition: form-data;\r\n name="file"; filename="a"')],
    ["a space before the colon", withHead('Content-Disposition : form-data; name="file"; filename="a"')],
    ["a bare LF in a header", withHead(`${disposition}\nContent-Disposition: form-data; name="model"`)],
    ["a NUL in a header", withHead(`${disposition.slice(0, -1)}\u0000"`)],
    [
      "a backslash in a file name",
      withHead('Content-Disposition: form-data; name="file"; filename="a\\"; name="model"'),
    ],
    ["quotes that do not end", withHead('Content-Disposition: form-data; name="file"; filename="a')],
    ["bytes behind the quotes", withHead('Content-Disposition: form-data; name="file"x; filename="a"')],
    ["a parameter that is not known", withHead(`${disposition}; size=1`)],
    ["a transfer encoding", withHead(disposition, "Content-Transfer-Encoding: base64")],
    ["a content encoding", withHead(disposition, "Content-Encoding: gzip")],
    ["a length", withHead(disposition, "Content-Length: 1")],
    ["two types", withHead(disposition, "Content-Type: text/plain", "Content-Type: text/plain")],
    ["a form within", withHead(disposition, "Content-Type: multipart/mixed; boundary=x")],
    [
      "a field in another charset",
      `--B!\r\nContent-Type: text/plain; charset=utf-16\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n${rest}`,
    ],
    ["long headers", withHead(`${disposition.slice(0, -1)}${"a".repeat(5000)}"`)],
    [
      "many parts",
      `${`--B!\r\nContent-Disposition: form-data; name="x[]"\r\n\r\n\r\n`.repeat(300)}${head}${rest}`,
    ],
    [
      "a long field",
      `--B!\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n${"a".repeat(200_000)}\r\n${head}${rest}`,
    ],
    ["a file that is none", head + rest.replace('; filename="a"', "")],
    ["a file that is not known", head + rest.replace('name="file"', 'name="other"')],
    [
      "a field twice",
      `--B!\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n`.repeat(2) + head + rest,
    ],
    [
      "a stream that is no boolean",
      `--B!\r\nContent-Disposition: form-data; name="stream"\r\n\r\nTrue\r\n${head}${rest}`,
    ],
  ])("are refused: %s, whole and byte by byte", (_, text) => {
    expect(told(raw(text))).toMatch(/^request_malformed/);
    expect(detail(feed(raw(text), 1).verdict)).toMatch(/^request_malformed/);
  });
});

describe("startMultipart", () => {
  it("starts for a form only", () => {
    const verdict = parseHead({ method: "GET", url: "/openai/v1/models", headers: [] });
    if (!verdict.allowed) throw new Error(verdict.detail);
    expect(() => startMultipart(verdict.value)).toThrow(TypeError);
  });

  it("does not repeat a file's content in a denial", () => {
    const verdict = readMultipart(
      upload,
      formOf(part("purpose", "batch"), part("file", '{"custom_id":"secret"', "a.jsonl")),
    );
    expect(verdict).toMatchObject({ allowed: false });
    expect(JSON.stringify(verdict)).not.toContain("secret");
  });
});
