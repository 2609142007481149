import type { Socket } from "node:net";

/** How often connections are looked at. Coarse, because there can be ten thousand of them. */
const everyMs = 1000;

interface Watched {
  /** Since when, in monotonic milliseconds, bytes wait of which nothing was taken; undefined: none wait. */
  since: number | undefined;
  /** Bytes that had been taken by then. */
  taken: number;
}

/**
 * Notices clients that ask and do not read: what waits for them is held here, and at the backend. A client counts as
 * one when bytes wait for it and it takes none of them for as long as the limit says; one that merely has nothing to
 * read, because its backend thinks, is none.
 */
export class UnreadWatch {
  readonly #limitMs: () => number;
  readonly #cut: (socket: Socket) => void;
  readonly #watched = new Map<Socket, Watched>();
  #timer: NodeJS.Timeout | undefined;

  /** @param cut to end a connection of such a client; called once for each */
  constructor(limitMs: () => number, cut: (socket: Socket) => void) {
    this.#limitMs = limitMs;
    this.#cut = cut;
  }

  add(socket: Socket): void {
    this.#watched.set(socket, { since: undefined, taken: 0 });
  }

  /** It has closed. */
  remove(socket: Socket): void {
    this.#watched.delete(socket);
  }

  start(): void {
    this.#timer = setInterval(() => this.look(performance.now()), everyMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @param now monotonic milliseconds */
  look(now: number): void {
    const limit = this.#limitMs();
    for (const [socket, watched] of this.#watched) {
      const waiting = socket.writableLength;
      if (waiting === 0) {
        watched.since = undefined;
        continue;
      }
      const taken = socket.bytesWritten - waiting;
      if (watched.since === undefined || taken !== watched.taken) {
        watched.since = now;
        watched.taken = taken;
      } else if (now - watched.since >= limit) {
        this.#watched.delete(socket);
        this.#cut(socket);
      }
    }
  }
}
