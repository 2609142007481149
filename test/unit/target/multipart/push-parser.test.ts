import { describe, expect, it } from "vitest";
import { MultipartParser } from "../../../../src/target/multipart/push-parser.ts";

const boundary = "a-boundary";
const head = (name: string) => `Content-Disposition: form-data; name="${name}"; filename="f"\r\n\r\n`;
const content = "x".repeat(60);
const whole = `--${boundary}\r\n${head("one")}${content}\r\n--${boundary}\r\n${head("two")}${content}\r\n--${boundary}--\r\n`;

/** The content of each part of a body that comes in pieces; each piece is overwritten when it was read. */
function read(pieces: readonly string[]): string[] {
  const parts: string[] = [];
  const parser = new MultipartParser(boundary, {
    part: () => void parts.push(""),
    data: (bytes) => void (parts[parts.length - 1] += bytes.toString("latin1")),
    partEnd: () => void (parts[parts.length - 1] += "."),
  });
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, "latin1");
    parser.push(bytes);
    bytes.fill(0);
  }
  parser.end();
  return parts;
}

/** Cut in two and in three: the last cut so far behind the first that the bytes between are judged by themselves, or not. */
function* cuts(text: string): Generator<string[]> {
  for (let at = 1; at < text.length; at += 1) {
    yield [text.slice(0, at), text.slice(at)];
    for (const length of [1, 12, 13, 14, 15, 30])
      yield [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
  }
}

describe("a form in pieces", () => {
  it("is the same, however it is cut", () => {
    for (const pieces of cuts(whole)) expect(read(pieces)).toEqual([`${content}.`, `${content}.`]);
  });

  it.each([
    ["without a line end", `--${boundary}`],
    ["behind a bare LF", `\n--${boundary}`],
    ["behind a bare CR", `\r--${boundary}`],
    ["with the wrong end", `\r\n--${boundary}?`],
  ])("is refused where the delimiter stands %s, however it is cut", (_how, text) => {
    const bad = whole.replace(content, `${content}${text}${content}`);
    for (const pieces of cuts(bad)) expect(() => read(pieces)).toThrow(/delimiter's text/);
  });
});
