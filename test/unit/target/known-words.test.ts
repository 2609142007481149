import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KnownWords } from "../../../src/target/known-words.ts";

const read = (words: KnownWords, text: string | Buffer) => {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return words.of(bytes, 0, bytes.length);
};

describe("words that stand in bytes", () => {
  it("are found where they stand, and when they come again", () => {
    const words = new KnownWords();
    const within = Buffer.from('{"temperature":1}');
    expect([read(words, "temperature"), words.of(within, 2, 13), read(words, "temperature")]).toEqual([
      "temperature",
      "temperature",
      "temperature",
    ]);
  });

  it.each([
    ["one that differs in a single place", "content", "contexts", "contend"],
    ["one beyond ASCII", "rôle", "role", "röle"],
    ["one with a zero", "a\0b", "a", "ab"],
    ["none", "", "a", ""],
  ])("are told from each other: %s", (_what, ...texts) => {
    const words = new KnownWords();
    expect(texts.map((text) => read(words, text))).toEqual(texts);
  });

  it("are read as Node reads them, whatever was read before", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }).map((text) => Buffer.from(text)),
      // Few letters, so that many share a slot; and bytes that are no UTF-8.
      fc
        .string({ unit: fc.constantFrom("a", "b", "é", "\u{ffff}"), maxLength: 6 })
        .map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (all) => {
        const words = new KnownWords();
        expect(all.map((bytes) => read(words, bytes))).toEqual(all.map((bytes) => bytes.toString("utf8")));
      }),
    );
  });
});
