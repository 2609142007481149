import { BodyBrokenOff, isStreamed, type OutboundRequest } from "../../../model/outbound-request.ts";
import type { AnswerSink, Forwarding } from "../../forwarder.ts";
import { toBackendFault } from "../to-backend-fault.ts";

/** What an exchange needs of the connection that it is on, or of the queue in which it waits for one. */
export interface Carrier {
  resume(): void;
  /** The exchange is cancelled: what is left of it must never be taken for another's. */
  abandon(exchange: Exchange): void;
}

/** One request and what becomes of it. Its sink hears nothing after the end, a fault, or `cancel`. */
export class Exchange implements Forwarding {
  readonly request: OutboundRequest;
  /** What is sent before the body. */
  head = "";
  /** Milliseconds from the request sent to the answer's head. */
  readonly firstByteTimeoutMs: number;
  readonly #sink: AnswerSink;
  #carrier: Carrier | undefined;
  #over = false;

  constructor(request: OutboundRequest, firstByteTimeoutMs: number, sink: AnswerSink) {
    this.request = request;
    this.firstByteTimeoutMs = firstByteTimeoutMs;
    this.#sink = sink;
  }

  get isOver(): boolean {
    return this.#over;
  }

  moveTo(carrier: Carrier): void {
    this.#carrier = carrier;
  }

  resume(): void {
    this.#carrier?.resume();
  }

  cancel(): void {
    if (!this.#finish()) return;
    this.#carrier?.abandon(this);
    this.#carrier = undefined;
  }

  answered(status: number, headers: readonly string[]): void {
    if (!this.#over) this.#sink.head(status, headers);
  }

  /** @returns false when the receiver is full */
  data(piece: Uint8Array): boolean {
    return this.#over || this.#sink.data(piece);
  }

  end(): void {
    if (!this.#finish()) return;
    this.#carrier = undefined;
    this.#sink.end();
  }

  /** @param sent whether a byte of it may have reached the backend */
  fail(cause: Error, sent: boolean): void {
    if (!this.#finish()) return;
    this.#carrier = undefined;
    this.#sink.error(cause instanceof BodyBrokenOff ? cause : toBackendFault(cause, sent));
  }

  /** @returns false when it was over before. A body that nobody reads any more is destroyed. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    const { body } = this.request;
    if (isStreamed(body)) body.rest.destroy();
    return true;
  }
}
