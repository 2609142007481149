import { readObjectIdentifier } from "./object-identifiers.ts";
import { malformed } from "./pki-error.ts";

/** The tags of X.690 that X.509 uses. Context tags are `contextTag(n)` and `contextTag(n) | constructed`. */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

const constructed = 0x20;
/** `[n] IMPLICIT` of a primitive type. */
export const contextTag = (n: number): number => 0x80 | n;
/** `[n] EXPLICIT`, or `[n] IMPLICIT` of a constructed type. */
export const contextConstructed = (n: number): number => 0x80 | constructed | n;

/** No structure of RFC 5280 nests deeper than about ten; the bound keeps recursion of readers finite. */
const maximumDepth = 32;

/**
 * Reads DER (X.690 section 10), never BER: definite minimal lengths, canonical BOOLEAN and INTEGER, single-byte tags,
 * no trailing bytes where `finish` is called. Nothing is copied: every Uint8Array is a view of the input.
 * @throws PkiError on the first byte that is not DER; `what` names the field in the sentence.
 */
export class DerReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly #what: string;
  readonly #depth: number;
  #at: number;
  /** Where the content of the element that `#header` read last starts. */
  #content = 0;

  constructor(bytes: Uint8Array, what: string, start = 0, end = bytes.length, depth = 0) {
    if (depth > maximumDepth) throw malformed(what, "nested too deeply");
    this.bytes = bytes;
    this.end = end;
    this.#what = what;
    this.#depth = depth;
    this.#at = start;
  }

  get atEnd(): boolean {
    return this.#at === this.end;
  }

  /** Offset in `bytes` of the next element. */
  get position(): number {
    return this.#at;
  }

  /** Whether the next element has this tag. */
  sees(expected: number): boolean {
    return this.#at < this.end && this.bytes[this.#at] === expected;
  }

  /** The next element's tag, without reading it. */
  peekTag(): number {
    if (this.#at >= this.end) throw malformed(this.#what, "ends too early");
    return this.bytes[this.#at] as number;
  }

  /** Steps into a constructed element. */
  enter(expected: number, what: string = this.#what): DerReader {
    const end = this.#header(expected);
    return new DerReader(this.bytes, what, this.#content, end, this.#depth + 1);
  }

  sequence(what?: string): DerReader {
    return this.enter(tag.sequence, what);
  }

  /** The content of a primitive or constructed element. */
  content(expected: number): Uint8Array {
    const end = this.#header(expected);
    return this.bytes.subarray(this.#content, end);
  }

  /** The next element whole, tag and length included. */
  raw(expected: number = this.peekTag()): Uint8Array {
    const start = this.#at;
    return this.bytes.subarray(start, this.#header(expected));
  }

  /** The content octets of an INTEGER (two's complement, minimal). */
  integer(as: number = tag.integer): Uint8Array {
    const content = this.content(as);
    const [first = 0, second = 0] = content;
    if (content.length === 0) throw malformed(this.#what, "INTEGER without content");
    if (content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
      throw malformed(this.#what, "INTEGER is not minimal");
    return content;
  }

  /** A non-negative INTEGER of at most 31 bits. */
  smallInteger(as?: number): number {
    const content = this.integer(as);
    if (content.length > 4 || (content[0] as number) >= 0x80)
      throw malformed(this.#what, "INTEGER is negative or too large");
    return content.reduce((value, byte) => value * 256 + byte, 0);
  }

  boolean(as: number = tag.boolean): boolean {
    const content = this.content(as);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
      throw malformed(this.#what, "BOOLEAN is neither 00 nor FF");
    return content[0] === 0xff;
  }

  /** A BOOLEAN DEFAULT FALSE: absent means false, and DER forbids to write the default (X.690 11.5). */
  defaultFalse(as: number = tag.boolean): boolean {
    if (!this.sees(as)) return false;
    if (!this.boolean(as)) throw malformed(this.#what, "a default value is encoded");
    return true;
  }

  /** A BIT STRING that holds whole octets, such as a signature or a key. */
  octetBitString(): Uint8Array {
    const { unusedBits, bytes } = this.bitString();
    if (unusedBits !== 0) throw malformed(this.#what, "BIT STRING is not made of whole octets");
    return bytes;
  }

  bitString(as: number = tag.bitString): { readonly unusedBits: number; readonly bytes: Uint8Array } {
    const content = this.content(as);
    const unusedBits = content[0];
    if (unusedBits === undefined || unusedBits > 7 || (unusedBits > 0 && content.length === 1))
      throw malformed(this.#what, "BIT STRING with an impossible count of unused bits");
    if (((content.at(-1) as number) & ((1 << unusedBits) - 1)) !== 0 && content.length > 1)
      throw malformed(this.#what, "BIT STRING with unused bits set");
    return { unusedBits, bytes: content.subarray(1) };
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(as: number = tag.oid): string {
    return readObjectIdentifier(this.content(as), this.#what);
  }

  /** An extension's or a field's NULL. */
  null(): void {
    if (this.content(tag.null).length !== 0) throw malformed(this.#what, "NULL with content");
  }

  /** Declares that nothing may follow. */
  finish(): void {
    if (this.#at !== this.end) throw malformed(this.#what, "unexpected data follows");
  }

  /** Reads tag and length, moves past the element, and returns its end. */
  #header(expected: number): number {
    const { bytes, end } = this;
    let at = this.#at;
    if (at + 2 > end) throw malformed(this.#what, "ends too early");
    if (bytes[at] !== expected)
      throw malformed(
        this.#what,
        `expected tag 0x${expected.toString(16)}, found 0x${(bytes[at] as number).toString(16)}`,
      );
    if ((expected & 0x1f) === 0x1f) throw malformed(this.#what, "multi-byte tag");
    let length = bytes[at + 1] as number;
    at += 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      // 0x80 is BER's indefinite form; five length bytes would be more than any input that is accepted here.
      if (count === 0 || count > 4) throw malformed(this.#what, "length is indefinite or too long");
      if (at + count > end) throw malformed(this.#what, "ends too early");
      length = 0;
      for (let i = 0; i < count; i += 1) length = length * 256 + (bytes[at + i] as number);
      if (length < 0x80 || length < 256 ** (count - 1)) throw malformed(this.#what, "length is not minimal");
      at += count;
    }
    if (at + length > end) throw malformed(this.#what, "an element is longer than what contains it");
    this.#content = at;
    this.#at = at + length;
    return this.#at;
  }
}
