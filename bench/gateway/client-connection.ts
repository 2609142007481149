import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";

/** What a connection reports. Bodies are counted, never kept. */
export interface ConnectionEvents {
  /** A piece of the body of the answer under way. */
  body?(piece: Buffer): void;
  /** The answer is complete: its status and the length of its body as it came. */
  answered(status: number, bodyBytes: number): void;
  /** The connection is gone, or what came is no answer. */
  failed(why: string): void;
}

/**
 * One kept-alive TLS connection that sends prebuilt bytes and reads answers with as little work as can be: the load must
 * not be what is measured. One request at a time.
 */
export class ClientConnection {
  readonly #socket: TLSSocket;
  readonly #events: ConnectionEvents;
  #head = "";
  #status = 0;
  #left = 0;
  #chunked = false;
  #inBody = false;
  #bodyBytes = 0;
  #tail = "";
  #done = false;

  constructor(options: ConnectionOptions, events: ConnectionEvents, connected: () => void) {
    this.#events = events;
    this.#socket = connect(
      { ...options, host: "127.0.0.1", servername: "localhost", ALPNProtocols: ["http/1.1"] },
      connected,
    );
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error: Error) => this.#fail(error.message));
    this.#socket.on("close", () => this.#fail("closed"));
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#done = true;
    this.#socket.destroy();
  }

  #fail(why: string): void {
    if (this.#done) return;
    this.close();
    this.#events.failed(this.#head === "" ? why : `${why}: ${this.#head.slice(0, 200)}`);
  }

  #read(chunk: Buffer): void {
    let rest = chunk;
    if (!this.#inBody) {
      const end = chunk.indexOf("\r\n\r\n");
      if (end < 0) return void (this.#head += chunk.toString("latin1"));
      this.#head += chunk.toString("latin1", 0, end + 4);
      this.#begin();
      rest = chunk.subarray(end + 4);
    }
    if (rest.length > 0) {
      this.#bodyBytes += rest.length;
      this.#events.body?.(rest);
    }
    if (this.#chunked) {
      // The last chunk is told by its bytes alone: no body here holds them otherwise.
      this.#tail = (this.#tail + rest.toString("latin1", Math.max(0, rest.length - 7))).slice(-7);
      if (!this.#tail.endsWith("\r\n0\r\n\r\n")) return;
    } else {
      this.#left -= rest.length;
      if (this.#left > 0) return;
    }
    const [status, bytes] = [this.#status, this.#bodyBytes];
    this.#inBody = false;
    this.#bodyBytes = 0;
    this.#tail = "";
    this.#head = "";
    this.#events.answered(status, bytes);
  }

  #begin(): void {
    const head = this.#head;
    this.#status = Number(head.slice(9, 12));
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
    this.#chunked = length === undefined;
    if (this.#chunked && !/\r\ntransfer-encoding: *chunked/i.test(head))
      return this.#fail("neither length nor chunks");
    this.#left = Number(length ?? 0);
    this.#inBody = true;
  }
}
