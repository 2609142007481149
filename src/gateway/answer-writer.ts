import type { ServerResponse } from "node:http";
import { oneChunk } from "./one-chunk.ts";

/** Bytes of a piece up to which it is copied to be one with its frame. More than an event of a stream has. */
const smallPiece = 8 * 1024;

/**
 * Writes a backend's answer to a client, in as few writes as it came in: each costs a TLS record and a system call. What
 * the backend sent in one piece, its head and a short body, leaves in one; a head that comes alone leaves as soon as
 * everything that came with it was seen, because an event stream's head must not wait for its first event.
 */
export class AnswerWriter {
  readonly #response: ServerResponse;
  /** `held`: of this turn of the event loop, and not written yet. */
  #state: "none" | "held" | "written" | "refused" = "none";
  #first: Uint8Array | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** @param headers flat raw pairs */
  head(status: number, headers: string[]): void {
    // The gateway gave an answer of its own in the meantime: this one comes too late.
    if (this.#response.headersSent) {
      this.#state = "refused";
      return;
    }
    this.#response.writeHead(status, headers);
    this.#state = "held";
    if (ofThisTurn.push(this) === 1) process.nextTick(releaseAll);
  }

  /** @returns false when the client takes no more for now */
  data(chunk: Uint8Array): boolean {
    if (this.#state === "refused") return true;
    if (this.#state === "held" && this.#first === undefined) {
      this.#first = chunk;
      return true;
    }
    this.release();
    return this.#write(chunk);
  }

  end(): void {
    if (this.#state === "refused") return;
    const last = this.#first;
    this.#first = undefined;
    this.#state = "written";
    if (last === undefined) this.#response.end();
    else this.#response.end(last);
  }

  /** Writes what is held, if anything still is. */
  release(): void {
    if (this.#state !== "held") return;
    this.#state = "written";
    const first = this.#first;
    this.#first = undefined;
    if (this.#response.destroyed) return;
    if (first === undefined) this.#response.flushHeaders();
    // Where this fills the buffer, the next piece is told so.
    else this.#response.write(first);
  }

  /**
   * Of a chunk Node makes three pieces, a list of them and a call behind the turn: a third of an event's garbage. Here it
   * goes to the socket in one piece where all before it has left, so that nothing can be overtaken, and where it cannot
   * fill the socket. Everything else is Node's own business.
   */
  #write(piece: Uint8Array): boolean {
    const response = this.#response;
    const { socket } = response;
    const isNext =
      socket !== null &&
      socket.writable &&
      response.chunkedEncoding &&
      response.writableLength === 0 &&
      !response.writableEnded;
    if (isNext && piece.length > 0 && piece.length <= smallPiece) return socket.write(oneChunk(piece));
    const hasRoom = response.write(piece);
    if (!hasRoom) process.nextTick(drainUnlessFull, response);
    return hasRoom;
  }
}

/**
 * Node foretells whether a chunk fills the socket from what lies there when it is given, and gives it behind the turn. What
 * has left by then makes room: the socket never was full, and nobody would ever tell that it drained.
 */
function drainUnlessFull(response: ServerResponse): void {
  if (response.writableNeedDrain && response.socket?.writableNeedDrain === false) response.emit("drain");
}

/** Those that hold something: one call behind a turn is enough for all of its answers, and most have ended by then. */
let ofThisTurn: AnswerWriter[] = [];

function releaseAll(): void {
  const writers = ofThisTurn;
  ofThisTurn = [];
  for (const writer of writers) writer.release();
}
