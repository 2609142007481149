import { isUtf8 } from "node:buffer";
import { quoteInput } from "../model/quote-input.ts";
import { KnownWords } from "./known-words.ts";
import { UniqueKeys } from "./unique-keys.ts";

/** Why bytes are not the JSON that may be forwarded. The message is a rule, sent to the caller. */
export class JsonFault extends Error {
  override readonly name = "JsonFault";
}

export type JsonKind = "object" | "array" | "string" | "number" | "true" | "false" | "null";

/** Called in the order of the bytes. A visitor ends the scan by throwing. */
export interface JsonVisitor {
  /** A key of the innermost open object, decoded; `plain` when it was spelt without escapes. */
  key(name: string, plain: boolean): void;
  /** A value. For strings `start` and `end` are the bytes between the quotes, and `plain` says: without escapes. */
  value(kind: JsonKind, start: number, end: number, plain: boolean): void;
  /** The innermost open object or array ends. */
  close(): void;
}

/** Deeper than any real request; a recursive parser behind the gateway survives it. */
export const deepestNesting = 128;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/**
 * Walks bytes once and proves that they are exactly one JSON object (RFC 8259) that every parser reads alike: valid
 * UTF-8, no byte order mark, no key twice in one object (compared decoded), bounded depth, nothing after it.
 * @throws JsonFault with the rule that is broken; whatever the visitor throws.
 */
export function scanJsonObject(bytes: Buffer, visitor: JsonVisitor): void {
  if (bytes.length === 0) throw new JsonFault("the body is empty; it must be one JSON object");
  if (!isUtf8(bytes)) throw new JsonFault("the body is not valid UTF-8");
  if (bytes[0] === 0xef) throw new JsonFault("the body must not start with a byte order mark");
  new Scan(bytes, visitor).run();
}

/** Of all bodies. Keys alone: of what stands under them nothing outlives its request. */
const keyWords = new KnownWords();

class Scan {
  readonly #bytes: Buffer;
  readonly #visitor: JsonVisitor;
  /** One entry an open container: its keys for an object, undefined for an array. */
  readonly #open: (UniqueKeys | undefined)[] = [];
  #at = 0;
  /** Whether the last string was spelt without escapes. */
  #plain = true;

  constructor(bytes: Buffer, visitor: JsonVisitor) {
    this.#bytes = bytes;
    this.#visitor = visitor;
  }

  run(): void {
    if (this.#next() !== openBrace) throw new JsonFault("the body must be a JSON object");
    this.#value();
    while (this.#open.length > 0) this.#member();
    if (this.#next() !== -1) throw this.#unexpected("after the JSON object");
  }

  /** One step inside the innermost container: a member, an element, or its end. */
  #member(): void {
    const keys = this.#open[this.#open.length - 1];
    const end = keys === undefined ? closeBracket : closeBrace;
    // A container that was just opened may end at once; after a value comes a comma or the end.
    const first = this.#fresh;
    this.#fresh = false;
    let byte = this.#next();
    if (byte === end) {
      this.#at += 1;
      this.#open.pop();
      this.#visitor.close();
      return;
    }
    if (!first) {
      if (byte !== comma) throw this.#unexpected("where a comma or an end must stand");
      this.#at += 1;
      byte = this.#next();
    }
    if (keys !== undefined) {
      if (byte !== quote) throw this.#unexpected("where a key must stand");
      this.#key(keys);
      if (this.#next() !== colon) throw this.#unexpected("where a colon must stand");
      this.#at += 1;
      this.#next();
    }
    this.#value();
  }

  #fresh = false;

  #key(keys: UniqueKeys): void {
    const start = this.#at + 1;
    this.#string();
    const end = this.#at - 1;
    const plain = this.#plain;
    const name = plain ? keyWords.of(this.#bytes, start, end) : decodeString(this.#bytes, start, end);
    // A lone surrogate is a different key to each decoder.
    if (!plain && !name.isWellFormed()) throw new JsonFault("a key holds half of a surrogate pair");
    const added = keys.add(name);
    if (added !== "added")
      throw new JsonFault(
        added === "twice"
          ? `the key ${quoteInput(name)} stands twice in one object`
          : "an object has too many keys",
      );
    this.#visitor.key(name, plain);
  }

  /** A value starts at the current byte. */
  #value(): void {
    const start = this.#at;
    const byte = this.#bytes[start] ?? -1;
    switch (byte) {
      case quote:
        this.#string();
        this.#visitor.value("string", start + 1, this.#at - 1, this.#plain);
        return;
      case openBrace:
      case openBracket:
        if (this.#open.length >= deepestNesting)
          throw new JsonFault(`the body is nested deeper than ${deepestNesting}`);
        this.#open.push(byte === openBrace ? new UniqueKeys() : undefined);
        this.#fresh = true;
        this.#at += 1;
        this.#visitor.value(byte === openBrace ? "object" : "array", start, start + 1, true);
        return;
      case 0x74:
        this.#literal("true");
        break;
      case 0x66:
        this.#literal("false");
        break;
      case 0x6e:
        this.#literal("null");
        break;
      default:
        this.#number(byte);
        this.#visitor.value("number", start, this.#at, true);
    }
  }

  #literal(word: "true" | "false" | "null"): void {
    const start = this.#at;
    for (let index = 0; index < word.length; index += 1, this.#at += 1)
      if (this.#bytes[this.#at] !== word.charCodeAt(index))
        throw this.#unexpected("where a value must stand");
    this.#visitor.value(word, start, this.#at, true);
  }

  /** RFC 8259 6: no leading zero, no plus sign, digits on both sides of a dot. */
  #number(first: number): void {
    let byte = first;
    if (byte === 0x2d) byte = this.#step();
    if (byte === 0x30) byte = this.#step();
    else byte = this.#digits(byte);
    if (byte === 0x2e) byte = this.#digits(this.#step());
    if (byte === 0x65 || byte === 0x45) {
      byte = this.#step();
      if (byte === 0x2b || byte === 0x2d) byte = this.#step();
      this.#digits(byte);
    }
  }

  #digits(first: number): number {
    let byte = first;
    if (!isDigit(byte)) throw this.#unexpected("where a value must stand");
    while (isDigit(byte)) byte = this.#step();
    return byte;
  }

  #step(): number {
    this.#at += 1;
    return this.#bytes[this.#at] ?? -1;
  }

  /** From the opening quote to behind the closing one. */
  #string(): void {
    const bytes = this.#bytes;
    let plain = true;
    let at = endOfPlain(bytes, this.#at + 1);
    for (; at < bytes.length; at = endOfPlain(bytes, at + 1)) {
      const byte = bytes[at];
      if (byte === quote) {
        this.#at = at + 1;
        this.#plain = plain;
        return;
      }
      if (byte !== backslash) throw new JsonFault("a string holds a control character");
      plain = false;
      at = this.#escape(at + 1);
    }
    throw new JsonFault("the body ends inside a string");
  }

  /** @returns the offset of the escape's last byte. */
  #escape(at: number): number {
    const byte = this.#bytes[at] ?? -1;
    if (byte === 0x75) {
      for (let digit = at + 1; digit <= at + 4; digit += 1)
        if (!isHexDigit(this.#bytes[digit] ?? -1)) throw new JsonFault("a string holds a broken \\u escape");
      return at + 4;
    }
    if (!simpleEscapes.has(byte)) throw new JsonFault("a string holds an unknown escape");
    return at;
  }

  /** Skips white space. @returns the byte there, or -1 at the end. */
  #next(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let byte = bytes[at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      at += 1;
      byte = bytes[at];
    }
    this.#at = at;
    return byte ?? -1;
  }

  #unexpected(where: string): JsonFault {
    return new JsonFault(
      this.#at >= this.#bytes.length
        ? "the body ends before its JSON object does"
        : `the body is not JSON: an unexpected byte ${where} (offset ${this.#at})`,
    );
  }
}

/** By byte: 1 for what is more than content in a string, a quote, a backslash or a control character. */
const special = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === quote || byte === backslash ? 1 : 0,
);

/** Where the next special byte stands, or the bytes end. Nearly all that a body holds is passed here, four bytes a step. */
function endOfPlain(bytes: Buffer, from: number): number {
  const { length } = bytes;
  let at = from;
  while (
    at + 3 < length &&
    (isSpecial(bytes, at) |
      isSpecial(bytes, at + 1) |
      isSpecial(bytes, at + 2) |
      isSpecial(bytes, at + 3)) ===
      0
  )
    at += 4;
  while (at < length && isSpecial(bytes, at) === 0) at += 1;
  return at;
}

const isSpecial = (bytes: Buffer, at: number): number => special[bytes[at] as number] as number;

/** The text of a string with escapes: `start` and `end` are the bytes between the quotes, already proved. */
export function decodeString(bytes: Buffer, start: number, end: number): string {
  const text: unknown = JSON.parse(bytes.toString("utf8", start - 1, end + 1));
  if (typeof text !== "string") throw new TypeError("not a JSON string");
  return text;
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isHexDigit = (byte: number): boolean =>
  isDigit(byte) || (byte >= 0x61 && byte <= 0x66) || (byte >= 0x41 && byte <= 0x46);
const simpleEscapes: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));
