import { AnswerFault, type Framing, framingOf, readAnswerHead } from "./answer-head.ts";
import { ChunkedBody } from "./chunked-body.ts";

/** Who hears of an answer: head, data*, end. */
export interface AnswerEvents {
  head(status: number, headers: readonly string[], framing: Framing): void;
  data(piece: Uint8Array): void;
  /** The answer is complete. */
  end(): void;
}

/** Of a head with all its lines, in bytes: as much as Node's own parser takes. */
const longestHead = 16 * 1024;
/** 1xx answers before the real one. */
const mostInterim = 16;

type State = "idle" | "head" | "length" | "chunked" | "until-close";

/**
 * Reads the answers of one connection, one at a time. It takes no byte that it cannot place: a connection whose next
 * answer might begin elsewhere would give one client what is another's. After a fault it must not be used.
 */
export class AnswerReader {
  readonly #events: AnswerEvents;
  #state: State = "idle";
  #method = "";
  /** The beginning of a head that came in pieces. */
  #head: Buffer | undefined;
  #interim = 0;
  #left = 0;
  #chunks: ChunkedBody | undefined;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** A request was sent: what comes next is its answer. */
  expect(method: string): void {
    if (this.#state !== "idle") throw new AnswerFault("a request before the answer to the last one");
    this.#state = "head";
    this.#method = method;
    this.#interim = 0;
  }

  /** @throws AnswerFault */
  read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) at = this.#step(bytes, at);
  }

  /** The connection has ended in order. @throws AnswerFault in the midst of an answer */
  end(): void {
    if (this.#state !== "until-close") throw new AnswerFault("the connection ended before the answer");
    this.#over();
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case "head":
        return this.#readHead(bytes, at);
      case "length":
      case "until-close": {
        const piece = bytes.subarray(at, at + this.#left);
        this.#left -= piece.length;
        this.#events.data(piece);
        if (this.#left === 0) this.#over();
        return at + piece.length;
      }
      case "chunked": {
        const end = this.#chunks?.read(bytes, at) ?? -1;
        if (end < 0) return bytes.length;
        this.#over();
        return end;
      }
      default:
        throw new AnswerFault("bytes that nobody asked for");
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const before = this.#head;
    if (before !== undefined) return this.#goOn(before, bytes, at);
    const end = bytes.indexOf("\r\n\r\n", at, "latin1");
    if (end < 0) {
      this.#keep(bytes.subarray(at));
      return bytes.length;
    }
    this.#begin(bytes, at, end);
    return end + 4;
  }

  /** The empty line may begin in the piece before. */
  #goOn(before: Buffer, bytes: Buffer, at: number): number {
    const head = Buffer.concat([before, bytes.subarray(at, at + longestHead + 4)]);
    const end = head.indexOf("\r\n\r\n", Math.max(0, before.length - 3), "latin1");
    if (end < 0) {
      this.#keep(head);
      return bytes.length;
    }
    this.#head = undefined;
    this.#begin(head, 0, end);
    return at + end + 4 - before.length;
  }

  #keep(head: Buffer): void {
    if (head.length > longestHead) throw new AnswerFault("a long head");
    this.#head = head;
  }

  #begin(bytes: Buffer, from: number, to: number): void {
    if (to - from > longestHead) throw new AnswerFault("a long head");
    const head = readAnswerHead(bytes, from, to);
    const framing = framingOf(head, this.#method);
    if (head.status < 200) {
      this.#interim += 1;
      // Nobody asked for another protocol.
      if (head.status === 101 || this.#interim > mostInterim) throw new AnswerFault("an unexpected 1xx");
      return;
    }
    const { body } = framing;
    this.#left = typeof body === "number" ? body : Infinity;
    this.#state = typeof body === "number" ? "length" : body;
    if (body === "chunked") this.#chunks = new ChunkedBody((piece) => this.#events.data(piece));
    this.#events.head(head.status, head.headers, framing);
    if (body === 0) this.#over();
  }

  #over(): void {
    this.#state = "idle";
    this.#chunks = undefined;
    this.#events.end();
  }
}
