import type { RawData, WebSocket } from "ws";
import type { Cancel, Clock } from "../../kernel/clock.ts";
import type { WebSocketFailure, WebSocketListener, WebSocketSide } from "../web-socket-lane.ts";

/** How a side is watched. */
export interface Watch {
  readonly clock: Clock;
  /** Between two pings. A peer from which nothing came since the last but one is cut. */
  readonly pingMs: number;
}

/** A ping that stays unanswered may have crossed with something; two did not. */
const mostMissed = 2;

/** What the library says, as kinds of failure. */
const kinds: Readonly<Record<string, WebSocketFailure["kind"]>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: "too-large",
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: "too-large",
  WS_ERR_TOO_MANY_BUFFERED_PARTS: "too-large",
};

/**
 * One WebSocket of `ws`. Its traps, and what is done about them: messages begin to flow on their own, so it is paused
 * until somebody listens; it answers a peer's close by itself but tells of it only when the TCP connection has ended; an
 * `error` without a listener would end the process; a message that is sent while it closes is counted as waiting for
 * ever.
 */
export class WsSide implements WebSocketSide {
  readonly #webSocket: WebSocket;
  readonly #watch: Watch;
  #listener: WebSocketListener | undefined;
  #early: WebSocketFailure | undefined;
  #closed: { readonly code: number; readonly reason: string } | undefined;
  #isAlive = true;
  #missed = 0;
  #cancelPing: Cancel = () => {};

  /** @param webSocket open, and of this very turn: nothing of it was read yet */
  constructor(webSocket: WebSocket, watch: Watch) {
    this.#webSocket = webSocket;
    this.#watch = watch;
    webSocket.pause();
    webSocket.on("error", (fault: Error & { code?: string }) => {
      const kind = kinds[fault.code ?? ""] ?? (fault.code?.startsWith("WS_ERR_") ? "malformed" : "broken");
      this.#fail({ kind, fault });
    });
    webSocket.on("close", (code, reason) => {
      this.#cancelPing();
      this.#closed = { code, reason: reason.toString("utf8") };
      this.#listener?.closed(code, this.#closed.reason);
    });
    this.#schedulePing();
  }

  get buffered(): number {
    return this.#webSocket.readyState === this.#webSocket.OPEN ? this.#webSocket.bufferedAmount : 0;
  }

  listen(listener: WebSocketListener): void {
    this.#listener = listener;
    if (this.#early !== undefined) listener.failed(this.#early);
    if (this.#closed !== undefined) return listener.closed(this.#closed.code, this.#closed.reason);
    const alive = () => {
      this.#isAlive = true;
    };
    this.#webSocket.on("ping", alive);
    this.#webSocket.on("pong", alive);
    this.#webSocket.on("message", (data, isBinary) => {
      this.#isAlive = true;
      listener.message(wholeOf(data), !isBinary);
    });
    this.#webSocket.resume();
  }

  send(text: Uint8Array): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.send(text, { binary: false, compress: false }, (fault) => {
      if (fault !== undefined && fault !== null) return;
      // A peer that takes bytes is there, however long its pong waits behind them.
      this.#isAlive = true;
      this.#listener?.drained();
    });
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  close(code?: number, reason?: string): void {
    // A paused side would never read the peer's answer to this.
    this.#webSocket.resume();
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.close(code, reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  #schedulePing(): void {
    this.#cancelPing = this.#watch.clock.after(this.#watch.pingMs, () => this.#ping());
  }

  #ping(): void {
    // What is paused is not read, so its pongs cannot be seen; whoever made us pause it is watched as well.
    this.#missed = this.#isAlive || this.#webSocket.isPaused ? 0 : this.#missed + 1;
    if (this.#missed >= mostMissed) {
      this.#fail({ kind: "silent", fault: new Error(`the peer answered none of ${mostMissed} pings`) });
      return this.#webSocket.terminate();
    }
    this.#isAlive = false;
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
    this.#schedulePing();
  }

  #fail(failure: WebSocketFailure): void {
    this.#early ??= failure;
    this.#listener?.failed(failure);
  }
}

function wholeOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
