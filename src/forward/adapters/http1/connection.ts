import type { TLSSocket } from "node:tls";
import { batched } from "../../../kernel/batched.ts";
import { isStreamed } from "../../../model/outbound-request.ts";
import { TookTooLong } from "../to-backend-fault.ts";
import type { Framing } from "./answer-head.ts";
import { type AnswerEvents, AnswerReader } from "./answer-reader.ts";
import type { Carrier, Exchange } from "./exchange.ts";
import { BodySending } from "./streamed-body.ts";

/** The pool, as a connection sees it. */
export interface ConnectionOwner {
  /** Milliseconds between two pieces of an answer. */
  readonly idleTimeoutMs: number;
  /** It can carry the next exchange, in the next turn. Called behind a turn, so that all sockets are looked at in between. */
  released(connection: Connection): void;
  /** It is gone. */
  lost(connection: Connection): void;
}

/** Milliseconds for which an unused connection is kept where the backend does not say. */
const keptMs = 30_000;
/** Taken off what the backend says: a request must not meet its goodbye. */
const marginMs = 2000;
/** Bytes up to which head and body are made one piece, and in which a longer body is given to the socket. */
const onePiece = 64 * 1024;

/** The answers that begin in one turn are read together. */
const arrivals = batched((connection: Connection) => connection.readUnread(release));
/**
 * Connections whose answer ended while sockets are still looked at. Between that and their next use all sockets are to be
 * looked at once more: what the backend sent behind the answer may be at hand by then.
 */
const endings = batched(release);

function release(connection: Connection): void {
  connection.release();
}

/**
 * One connection to a backend, which carries one exchange at a time. Whatever is not as it should be destroys it: it is
 * used again only after an answer that was read to its very end, for a request that was sent to its very end.
 */
export class Connection implements Carrier, AnswerEvents {
  readonly #socket: TLSSocket;
  readonly #owner: ConnectionOwner;
  readonly #reader = new AnswerReader(this);
  #exchange: Exchange | undefined;
  #sending: BodySending | undefined;
  /** What came in this turn of the event loop, of an answer whose head was not read yet. */
  #unread: Buffer | undefined;
  /** Of a body that is held whole: given to the socket at once, all of it would lie there encrypted. */
  #unsent: Uint8Array | undefined;
  /** Kept over waits and exchanges as long as all are for the same time: a new one for each is dear. */
  #timer: NodeJS.Timeout | undefined;
  #timerMs = 0;
  #isWaiting = false;
  /** Of the answer under way; undefined until its head has come. */
  #framing: Framing | undefined;
  #isPaused = false;
  #isBlocked = false;
  #usableUntil = performance.now() + keptMs;

  constructor(socket: TLSSocket, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    socket.on("data", (bytes: Buffer) => this.#arrived(bytes));
    socket.on("drain", () => this.#drained());
    socket.on("end", () => {
      this.readUnread();
      this.#ended();
    });
    socket.on("error", (fault) => {
      this.readUnread();
      this.#broken(fault);
    });
    socket.on("close", () => {
      this.readUnread();
      this.#broken(new Error("the backend closed the connection"));
      clearTimeout(this.#timer);
      owner.lost(this);
    });
  }

  /**
   * Whether the next exchange may go here. To be asked in a later turn than the one in which the last answer ended: only
   * there Node tells that a request was sent, and an answer can be faster than that.
   * @param now milliseconds, monotonic
   */
  isUsable(now: number): boolean {
    const socket = this.#socket;
    return now < this.#usableUntil && socket.writable && !socket.destroyed && socket.writableLength === 0;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  send(exchange: Exchange): void {
    const { request, head } = exchange;
    const { body } = request;
    // Sent once; an answer that lasts need not hold it, nor a collection copy it.
    exchange.head = "";
    this.#exchange = exchange;
    this.#framing = undefined;
    exchange.moveTo(this);
    this.#reader.expect(request.method);
    if (isStreamed(body)) return this.#stream(head, new BodySending(body, this.#socket, this.#sendingEvents));
    this.#await(exchange.firstByteTimeoutMs);
    this.#write(head, body);
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
    this.#watch();
  }

  abandon(): void {
    this.#exchange = undefined;
    this.#settle();
    this.#socket.destroy();
  }

  head(status: number, headers: readonly string[], framing: Framing): void {
    this.#framing = framing;
    this.#exchange?.answered(status, headers);
  }

  data(piece: Uint8Array): void {
    if (this.#exchange?.data(piece) !== false || this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  end(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    // Before the body of the request was sent, or while it still lies here: the backend may never read it.
    const isGiven = (this.#sending?.isOver ?? true) && this.#unsent === undefined;
    this.#usableUntil = isGiven ? usableUntil(this.#framing) : 0;
    this.#settle();
    exchange?.end();
  }

  #write(head: string, body: Uint8Array | null): void {
    const socket = this.#socket;
    const length = body?.length ?? 0;
    if (body === null || length === 0) socket.write(head, "latin1");
    else if (length <= onePiece) {
      const whole = Buffer.allocUnsafe(head.length + length);
      whole.write(head, "latin1");
      whole.set(body, head.length);
      socket.write(whole);
    } else {
      this.#unsent = body;
      socket.cork();
      socket.write(head, "latin1");
      this.#pour();
      socket.uncork();
    }
  }

  #pour(): void {
    for (let rest = this.#unsent; rest !== undefined; rest = this.#unsent) {
      this.#unsent = rest.length > onePiece ? rest.subarray(onePiece) : undefined;
      if (!this.#socket.write(rest.subarray(0, onePiece))) return;
    }
  }

  #drained(): void {
    this.#sending?.drained();
    if (this.#unsent === undefined) return;
    // The time for the answer begins anew as long as the backend takes more of the request.
    this.#watch();
    this.#pour();
  }

  #stream(head: string, sending: BodySending): void {
    this.#sending = sending;
    this.#socket.cork();
    this.#socket.write(head, "latin1");
    sending.start();
    this.#socket.uncork();
  }

  readonly #sendingEvents = {
    blocked: (isBlocked: boolean): void => {
      this.#isBlocked = isBlocked;
      this.#watch();
    },
    sent: (): void => {
      this.#isBlocked = false;
      this.#watch();
    },
    failed: (fault: Error): void => this.#broken(fault),
  };

  /** Reads what was put back. @param ended what to do where an answer ends with it */
  readUnread(ended: (connection: Connection) => void = endings): void {
    const bytes = this.#unread;
    this.#unread = undefined;
    if (bytes !== undefined) this.#read(bytes, ended);
  }

  #arrived(bytes: Buffer): void {
    const isSecond = this.#unread !== undefined;
    this.readUnread();
    // Heads only, which come in numbers: an event of a stream comes alone, and need not wait. What belongs to nobody is to
    // be seen before the next exchange can come.
    if (isSecond || this.#exchange === undefined || this.#framing !== undefined)
      return this.#read(bytes, endings);
    this.#unread = bytes;
    arrivals(this);
  }

  #read(bytes: Buffer, ended: (connection: Connection) => void): void {
    const isAnswering = this.#exchange !== undefined;
    try {
      this.#reader.read(bytes);
    } catch (fault) {
      return this.#broken(fault as Error);
    }
    if (this.#exchange !== undefined) {
      // The time for its head is one for all pieces of it.
      if (this.#framing !== undefined) this.#watch();
    }
    // Not before all that came was placed: what stands behind an answer is nobody's.
    else if (isAnswering) ended(this);
  }

  #ended(): void {
    try {
      this.#reader.end();
    } catch (fault) {
      this.#broken(fault as Error);
    }
    this.#socket.destroy();
  }

  /** Behind a turn: it can carry the next exchange in the one after. */
  release(): void {
    if (this.#socket.destroyed) return;
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    this.#owner.released(this);
  }

  #broken(fault: Error): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#settle();
    this.#socket.destroy();
    exchange?.fail(fault, true);
  }

  #settle(): void {
    this.#stopWaiting();
    this.#sending?.stop();
    this.#sending = undefined;
    this.#unread = undefined;
    this.#unsent = undefined;
    this.#isBlocked = false;
  }

  /** Who is waited for is the backend, unless it is the client: for more of its body, or to take more of its answer. */
  #watch(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const isSending = this.#sending?.isOver === false;
    if (this.#isPaused || (isSending && !this.#isBlocked)) this.#stopWaiting();
    else this.#await(this.#framing === undefined ? exchange.firstByteTimeoutMs : this.#owner.idleTimeoutMs);
  }

  #stopWaiting(): void {
    this.#isWaiting = false;
  }

  #await(ms: number): void {
    this.#isWaiting = true;
    if (this.#timer !== undefined && this.#timerMs === ms) return void this.#timer.refresh();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#tookTooLong, ms);
    this.#timerMs = ms;
  }

  readonly #tookTooLong = (): void => {
    if (this.#isWaiting) this.#broken(new TookTooLong());
  };
}

function usableUntil(framing: Framing | undefined): number {
  if (framing?.keepsAlive !== true) return 0;
  const { keepsAliveSeconds: seconds } = framing;
  const promised = seconds === undefined ? keptMs : seconds * 1000 - marginMs;
  return performance.now() + Math.min(promised, 10 * 60_000);
}
