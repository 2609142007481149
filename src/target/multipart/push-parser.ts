import { MultipartFault } from "./multipart-fault.ts";
import { type PartHead, readPartHead } from "./part-head.ts";

/** Called in the order of the bytes. A visitor ends the parse by throwing. */
export interface MultipartVisitor {
  part(head: PartHead): void;
  /** A piece of the part's content, as it came; valid during the call only. */
  data(bytes: Buffer): void;
  partEnd(): void;
}

const longestHead = 4096;
const mostParts = 256;
const crlf = Buffer.from("\r\n");
const empty = Buffer.alloc(0);

/**
 * Reads `multipart/form-data` (RFC 7578, RFC 2046 5.1.1) from chunks, in the spelling that every receiver reads alike:
 * nothing before the first delimiter or after the last one, CRLF line ends, no padding behind a delimiter, and the
 * delimiter's text nowhere else, so that a receiver with laxer line ends finds no part more.
 */
export class MultipartParser {
  readonly #delimiter: Buffer;
  readonly #visitor: MultipartVisitor;
  #state: "start" | "behind" | "head" | "content" | "end" = "start";
  /** Bytes that could not be judged yet; shorter than a head. */
  #rest: Buffer = empty;
  #parts = 0;

  constructor(boundary: string, visitor: MultipartVisitor) {
    this.#delimiter = Buffer.from(`--${boundary}`, "latin1");
    this.#visitor = visitor;
  }

  /** @throws MultipartFault with the rule that is broken; whatever the visitor throws */
  push(chunk: Uint8Array): void {
    const fresh = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let bytes =
      this.#rest.length === 0 || this.#passesSeam(fresh) ? fresh : Buffer.concat([this.#rest, fresh]);
    for (;;) {
      const used = this.#step(bytes);
      if (used === undefined) break;
      bytes = bytes.subarray(used);
    }
    // A copy: the chunk is the caller's.
    this.#rest = bytes.length === 0 ? empty : Buffer.from(bytes);
  }

  /** @throws MultipartFault when the form is not complete */
  end(): void {
    if (this.#state !== "end" || (this.#rest.length > 0 && !this.#rest.equals(crlf)))
      throw new MultipartFault("the body ends before its last delimiter");
  }

  /**
   * Within a file only what lies across two chunks has to be looked at together, and copied for it.
   * @returns whether no delimiter begins before the third byte of the fresh ones: what was left is content then, and done with
   */
  #passesSeam(fresh: Buffer): boolean {
    const across = this.#delimiter.length + 1;
    if (this.#state !== "content" || fresh.length <= across) return false;
    if (Buffer.concat([this.#rest, fresh.subarray(0, across)]).includes(this.#delimiter)) return false;
    this.#visitor.data(this.#rest);
    return true;
  }

  /** @returns how many bytes are done with, or undefined when more are needed. */
  #step(bytes: Buffer): number | undefined {
    switch (this.#state) {
      case "start":
        return this.#start(bytes);
      case "behind":
        return this.#behind(bytes);
      case "head":
        return this.#head(bytes);
      case "content":
        return this.#content(bytes);
      case "end":
        if (bytes.length > 2 || !crlf.subarray(0, bytes.length).equals(bytes))
          throw new MultipartFault("bytes follow the last delimiter");
        return undefined;
    }
  }

  #start(bytes: Buffer): number | undefined {
    const { length } = this.#delimiter;
    const seen = bytes.subarray(0, length);
    if (!this.#delimiter.subarray(0, seen.length).equals(seen))
      throw new MultipartFault("the body must start with its delimiter");
    if (seen.length < length) return undefined;
    this.#state = "behind";
    return length;
  }

  #behind(bytes: Buffer): number | undefined {
    if (bytes.length < 2) return undefined;
    if (bytes[0] === 0x0d && bytes[1] === 0x0a) {
      this.#parts += 1;
      if (this.#parts > mostParts) throw new MultipartFault("the body has too many parts");
      this.#state = "head";
    } else if (bytes[0] === 0x2d && bytes[1] === 0x2d && this.#parts > 0) this.#state = "end";
    else throw new MultipartFault("the delimiter's text stands where no delimiter may");
    return 2;
  }

  #head(bytes: Buffer): number | undefined {
    const end = bytes.indexOf("\r\n\r\n", 0, "latin1");
    if (end > longestHead || (end === -1 && bytes.length > longestHead))
      throw new MultipartFault("a part's headers are too long");
    if (end === -1) return undefined;
    const head = bytes.subarray(0, end);
    if (head.includes(this.#delimiter))
      throw new MultipartFault("the delimiter's text stands where no delimiter may");
    this.#visitor.part(readPartHead(head));
    this.#state = "content";
    return end + 4;
  }

  #content(bytes: Buffer): number | undefined {
    const at = bytes.indexOf(this.#delimiter);
    if (at === -1) {
      // A delimiter, and the line end before it, may have begun.
      const safe = bytes.length - this.#delimiter.length - 1;
      if (safe <= 0) return undefined;
      this.#visitor.data(bytes.subarray(0, safe));
      return safe;
    }
    if (at < 2 || bytes[at - 2] !== 0x0d || bytes[at - 1] !== 0x0a)
      throw new MultipartFault("the delimiter's text stands where no delimiter may");
    if (at > 2) this.#visitor.data(bytes.subarray(0, at - 2));
    this.#visitor.partEnd();
    this.#state = "behind";
    return at + this.#delimiter.length;
  }
}
