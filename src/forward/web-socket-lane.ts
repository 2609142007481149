import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** What one side of a WebSocket hears. Messages come in order, and never after `closed`. */
export interface WebSocketListener {
  /** @param text its UTF-8 was checked; false: the message is binary */
  message(data: Buffer, text: boolean): void;
  /** Bytes that were sent have left: there may be room again. */
  drained(): void;
  /** The peer broke the protocol or a limit, or the connection failed. `closed` follows. */
  failed(failure: WebSocketFailure): void;
  /** @param code as the peer said it; 1005: it gave none; 1006: the connection ended without a word */
  closed(code: number, reason: string): void;
}

/** `too-large`: over the bound on one message. `malformed`: not WebSocket, or text that is not UTF-8. */
export interface WebSocketFailure {
  readonly kind: "too-large" | "malformed" | "silent" | "broken";
  readonly fault: Error;
}

/** One side of a WebSocket: towards a client, or towards a backend. It reads nothing until somebody listens. */
export interface WebSocketSide {
  /** Bytes that were sent and wait for the peer to take them. */
  readonly buffered: number;
  listen(listener: WebSocketListener): void;
  /** Sends one text message; the bytes go as they are. Nothing happens once the side is closing. */
  send(text: Uint8Array): void;
  /** Stops reading from the peer, so that it has to wait. */
  pause(): void;
  resume(): void;
  /** @param code undefined: without one. `closed` follows, at the latest after the adapter's own bound. */
  close(code?: number, reason?: string): void;
  /** Ends it at once, without a word. */
  terminate(): void;
}

/** An upgrade towards a backend after every decision was made. */
export interface WebSocketRequest {
  /** Origin-form path and query at the backend. */
  readonly path: string;
  /** Flat raw pairs, the credential among them. */
  readonly headers: readonly string[];
  /** Subprotocols to offer. */
  readonly protocols: readonly string[];
  /** Milliseconds to the answer's head, where that must be shorter than the backend's own. */
  readonly answerTimeoutMs?: number;
}

/** The backend's side is open. */
export interface OpenedWebSocket {
  readonly opened: true;
  readonly side: WebSocketSide;
  /** The subprotocol that the backend chose; empty: none. */
  readonly protocol: string;
  /** Flat raw pairs of its answer. */
  readonly headers: readonly string[];
}

/** The backend answered with something else than a WebSocket. */
export interface RefusedWebSocket {
  readonly opened: false;
  readonly status: number;
  /** Flat raw pairs. */
  readonly headers: readonly string[];
  /** At most 64 KiB of it. */
  readonly body: Buffer;
}

/** WebSockets through one backend, a connection each, neither compressed nor shared. */
export interface WebSocketLane {
  /**
   * Opens the backend's side.
   * @throws BackendFault; the signal's reason when it aborts
   */
  open(request: WebSocketRequest, signal: AbortSignal): Promise<OpenedWebSocket | RefusedWebSocket>;
  /**
   * Takes a client's upgrade. What it sent ahead (`head`) is read like everything after it.
   * @param answer the subprotocol (empty: none), and flat raw pairs for the answer's head
   * @returns undefined when the client has left
   */
  accept(
    incoming: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    answer: { readonly protocol: string; readonly headers: readonly string[] },
  ): WebSocketSide | undefined;
  /** Ends what is still open towards the backend. */
  close(): void;
}
