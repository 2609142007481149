import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ConnectionCaller } from "../gateway/caller.ts";

interface Waiting {
  readonly response: ServerResponse;
  readonly begin: () => void;
}

/**
 * One client connection and its requests. Node parses all that was pipelined and would have all of it served at the same
 * time; here one is served after the other, in their order, and only so many may wait.
 */
export class ClientConnection {
  readonly caller: ConnectionCaller;
  /** It is one too many of its client: it gets to hear that, and nothing else. */
  readonly isSurplus: boolean;
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #answering: ServerResponse | undefined;

  constructor(socket: Socket, caller: ConnectionCaller, isSurplus: boolean) {
    this.#socket = socket;
    this.caller = caller;
    this.isSurplus = isSurplus;
  }

  /** An answer is under way, or still to be given. */
  get isAnswering(): boolean {
    return this.#answering !== undefined;
  }

  /**
   * Has a request served when its turn comes.
   * @param most that may wait beside the one that is served
   * @returns false when as many wait already: then nothing was noted, and the connection is to be cut
   */
  take(response: ServerResponse, begin: () => void, most: number): boolean {
    if (this.#answering !== undefined) {
      if (this.#waiting.length >= most) return false;
      this.#waiting.push({ response, begin });
      return true;
    }
    this.#serve({ response, begin });
    return true;
  }

  /** Has the answer under way say that the connection ends with it, where it can still say so. */
  endAfterAnswer(): void {
    if (this.#answering?.headersSent === false) this.#answering.shouldKeepAlive = false;
  }

  #serve({ response, begin }: Waiting): void {
    this.#answering = response;
    response.on("close", () => this.#next());
    begin();
  }

  #next(): void {
    this.#answering = undefined;
    // After the answer that closes a connection nothing is served any more (RFC 9112 9.6).
    if (!this.#socket.writable) this.#waiting.length = 0;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#serve(next);
  }
}
