import { AnswerFault, readFields } from "./answer-head.ts";

/** Thirteen hexadecimal digits still count exactly. */
const mostDigits = 13;
/** Of the extensions of one chunk, in bytes. Nobody sends any; they are skipped (RFC 9112 7.1.1), quoted ones refused. */
const longestExtension = 256;
const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const extensions = new RegExp(`^(?:;${token}(?:=${token})?)*$`);
/** Of all trailer fields together, in bytes. */
const longestTrailer = 16 * 1024;

const [cr, lf, semicolon] = [0x0d, 0x0a, 0x3b];

const framing = /^(?:content-length|transfer-encoding)$/i;

type State = "size" | "extension" | "size-end" | "data" | "data-cr" | "data-lf" | "trailer";

/** The body of an answer in chunks (RFC 9112 7.1), however it is cut. Line ends are CR LF and nothing else. */
export class ChunkedBody {
  readonly #data: (piece: Uint8Array) => void;
  #state: State = "size";
  #size = 0;
  #digits = 0;
  #extension = "";
  #trailer = "";

  /** @param data gets every piece that is not empty, uncopied */
  constructor(data: (piece: Uint8Array) => void) {
    this.#data = data;
  }

  /**
   * @returns where the body ended within the bytes; -1 while it goes on
   * @throws AnswerFault
   */
  read(bytes: Uint8Array, from: number): number {
    for (let at = from; at < bytes.length;) {
      if (this.#state === "data") {
        const piece = bytes.subarray(at, at + this.#size);
        at += piece.length;
        this.#size -= piece.length;
        if (this.#size === 0) this.#state = "data-cr";
        this.#data(piece);
      } else {
        if (this.#byte(bytes[at] as number)) return at + 1;
        at += 1;
      }
    }
    return -1;
  }

  /** @returns whether it was the last one of the body */
  #byte(byte: number): boolean {
    switch (this.#state) {
      case "size":
        this.#sizeByte(byte);
        return false;
      case "extension":
        this.#extensionByte(byte);
        return false;
      case "size-end":
        this.#expect(byte, lf);
        this.#state = this.#size === 0 ? "trailer" : "data";
        return false;
      case "data-cr":
        this.#expect(byte, cr);
        this.#state = "data-lf";
        return false;
      case "data-lf":
        this.#expect(byte, lf);
        [this.#state, this.#digits, this.#extension] = ["size", 0, ""];
        return false;
      default:
        return this.#trailerByte(byte);
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexadecimal(byte);
    if (digit >= 0 && this.#digits < mostDigits) {
      this.#size = this.#size * 16 + digit;
      this.#digits += 1;
    } else if (this.#digits > 0 && byte === cr) this.#state = "size-end";
    else if (this.#digits > 0 && byte === semicolon) [this.#state, this.#extension] = ["extension", ";"];
    else throw new AnswerFault("a malformed chunk size");
  }

  #extensionByte(byte: number): void {
    if (byte !== cr) this.#extension += String.fromCharCode(byte);
    else if (extensions.test(this.#extension)) this.#state = "size-end";
    else throw new AnswerFault("a malformed chunk extension");
    if (this.#extension.length > longestExtension) throw new AnswerFault("a long chunk extension");
  }

  #trailerByte(byte: number): boolean {
    this.#trailer += String.fromCharCode(byte);
    if (this.#trailer.length > longestTrailer) throw new AnswerFault("long trailers");
    if (this.#trailer === "\r\n") return true;
    if (byte !== lf || !this.#trailer.endsWith("\r\n\r\n")) return false;
    // Read only to be refused: none of them is passed on.
    const lines = this.#trailer.slice(0, -4);
    const fields = readFields(Buffer.from(lines, "latin1"), 0, lines, 0);
    if (fields.some((name, at) => at % 2 === 0 && framing.test(name)))
      throw new AnswerFault("a trailer about the length");
    return true;
  }

  #expect(byte: number, wanted: number): void {
    if (byte !== wanted) throw new AnswerFault("a chunk without its line end");
  }
}

/** @returns -1 for anything but a hexadecimal digit */
function hexadecimal(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
