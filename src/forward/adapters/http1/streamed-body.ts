import type { Socket } from "node:net";
import { BodyBrokenOff, type StreamedBody } from "../../../model/outbound-request.ts";

export interface SendingEvents {
  /** True: the backend does not take more for now; false: it does again, or it is the client that is waited for. */
  blocked(isBlocked: boolean): void;
  sent(): void;
  /** It will never be whole: the request must not end. */
  failed(fault: Error): void;
}

/** Sends a body as it comes from the client, no faster than the backend takes it (RFC 9112 7.1 where its length is unknown). */
export class BodySending {
  readonly #body: StreamedBody;
  readonly #socket: Socket;
  readonly #events: SendingEvents;
  #left: number;
  #over = false;

  constructor(body: StreamedBody, socket: Socket, events: SendingEvents) {
    this.#body = body;
    this.#socket = socket;
    this.#events = events;
    this.#left = body.length ?? Infinity;
  }

  get isOver(): boolean {
    return this.#over;
  }

  start(): void {
    const { rest, held } = this.#body;
    rest.on("error", (fault) => this.#fail(fault));
    rest.on("close", () => this.#fail(new BodyBrokenOff()));
    rest.on("end", () => this.#end());
    if (held.length > 0) this.#write(held);
    rest.on("data", (piece: Uint8Array) => this.#write(piece));
  }

  /** The socket has room again. */
  drained(): void {
    if (this.#over) return;
    this.#events.blocked(false);
    this.#body.rest.resume();
  }

  /** Nobody wants the rest of it. */
  stop(): void {
    this.#over = true;
    this.#body.rest.destroy();
  }

  #write(piece: Uint8Array): void {
    if (this.#over || piece.length === 0) return;
    this.#left -= piece.length;
    if (this.#left < 0) return this.#fail(new Error("a body longer than it was said to be"));
    if (this.#put(piece)) return;
    this.#body.rest.pause();
    this.#events.blocked(true);
  }

  /** @returns false when the socket is full */
  #put(piece: Uint8Array): boolean {
    const socket = this.#socket;
    if (this.#body.length !== undefined) return socket.write(piece);
    socket.cork();
    socket.write(`${piece.length.toString(16)}\r\n`, "latin1");
    socket.write(piece);
    const hasRoom = socket.write("\r\n", "latin1");
    socket.uncork();
    return hasRoom;
  }

  #end(): void {
    if (this.#over) return;
    if (this.#body.length === undefined) this.#socket.write("0\r\n\r\n", "latin1");
    else if (this.#left > 0) return this.#fail(new Error("a body shorter than it was said to be"));
    this.#over = true;
    this.#events.sent();
  }

  #fail(fault: Error): void {
    if (this.#over) return;
    this.stop();
    this.#events.failed(fault);
  }
}
