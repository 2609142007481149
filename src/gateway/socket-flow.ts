import type { WebSocketSide } from "../forward/web-socket-lane.ts";

/** A message on its way through. */
export interface SocketMessage {
  readonly data: Buffer;
  readonly text: boolean;
}

/** What may wait in one direction before its sender has to, in bytes; a single message may be larger. */
export const mostWaiting = 1024 * 1024;

/** What keeping a message costs beside its bytes, about: empty ones are not free. */
const bytesEach = 256;
const costOf = ({ data }: SocketMessage): number => data.length + bytesEach;

/**
 * One direction of a WebSocket: messages pass strictly one after the other, each when the one before was let through,
 * and the sender is made to wait while the receiver does not take what is there.
 */
export class SocketFlow {
  readonly #from: WebSocketSide;
  readonly #to: WebSocketSide;
  readonly #pass: (message: SocketMessage) => Promise<void> | undefined;
  #queue: SocketMessage[] = [];
  #queued = 0;
  #isPassing = false;
  #isPaused = false;
  #isStopped = false;
  #atEnd: (() => void) | undefined;

  /** @param pass judges a message and sends it on; never rejects */
  constructor(
    from: WebSocketSide,
    to: WebSocketSide,
    pass: (message: SocketMessage) => Promise<void> | undefined,
  ) {
    this.#from = from;
    this.#to = to;
    this.#pass = pass;
  }

  push(message: SocketMessage): void {
    if (this.#isStopped) return;
    this.#queue.push(message);
    this.#queued += costOf(message);
    this.#throttle();
    void this.#run();
  }

  /** The receiver took something. */
  drained(): void {
    this.#throttle();
    void this.#run();
  }

  /** Calls `then` once everything before it has passed, or never when this is stopped first. */
  finish(then: () => void): void {
    this.#atEnd = then;
    void this.#run();
  }

  /** Nothing passes any more. */
  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
    this.#queued = 0;
  }

  async #run(): Promise<void> {
    if (this.#isPassing) return;
    this.#isPassing = true;
    for (
      let next = this.#queue[0];
      next !== undefined && this.#to.buffered <= mostWaiting;
      next = this.#queue[0]
    ) {
      const passing = this.#pass(next);
      if (passing !== undefined) await passing;
      if (this.#isStopped) break;
      this.#queue.shift();
      this.#queued -= costOf(next);
    }
    this.#isPassing = false;
    if (this.#isStopped) return;
    this.#throttle();
    if (this.#queue.length === 0) this.#atEnd?.();
  }

  #throttle(): void {
    if (this.#isStopped) return;
    const waiting = this.#queued + this.#to.buffered;
    if (!this.#isPaused && waiting > mostWaiting) {
      this.#isPaused = true;
      this.#from.pause();
    } else if (this.#isPaused && waiting <= mostWaiting / 2) {
      this.#isPaused = false;
      this.#from.resume();
    }
  }
}
