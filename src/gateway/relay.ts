import type { ServerResponse } from "node:http";
import { BackendFault } from "../forward/backend-fault.ts";
import type { AnswerSink, Forwarder, Forwarding } from "../forward/forwarder.ts";
import { responseHeaders } from "../forward/response-headers.ts";
import type { Cancel, Clock } from "../kernel/clock.ts";
import type { UpstreamAttempt } from "../model/metrics.ts";
import { BodyBrokenOff, type OutboundRequest } from "../model/outbound-request.ts";
import { allow, type Verdict } from "../model/verdict.ts";
import { AnswerWriter } from "./answer-writer.ts";
import type { AnswerFilter } from "./claim-answer.ts";
import { HeadGate, type HeadJudge } from "./head-gate.ts";
import type { AnswerMeasure } from "./measure-answer.ts";
import { CallerLeft } from "./read-body.ts";
import { discardRest } from "./receive-rest.ts";

export interface RelayContext {
  readonly backend: string;
  readonly requestId: string;
  readonly clock: Clock;
  readonly report: (attempt: UpstreamAttempt) => void;
  /** Stands between the backend's answer and the client's. */
  readonly filter?: AnswerFilter | undefined;
  /** Sees an answer that passes. */
  readonly measure?: AnswerMeasure | undefined;
  /** Asked once. Absent: every answer passes. */
  readonly onHead?: HeadJudge;
  /** Milliseconds after which the answer is given up, finished or not. */
  readonly withinMs?: number;
}

/**
 * Sends one request to one backend and relays the answer as it arrives, no faster than the caller takes it. When
 * the caller leaves, the backend call is cancelled.
 * @returns the backend's status once the answer is complete, or `again` when `onHead` did not let it pass; or why the
 * client's body, which was still on its way, is refused: the backend never got all of it, and when the head was sent the
 * response is destroyed
 * @throws BackendFault while no head was sent; CallerLeft when the caller went first. A backend that breaks off
 * after the head can only be told by cutting the connection: then the response is destroyed and the fault thrown.
 * What a filter withholds an answer with is thrown too, before any head was sent.
 */
export function relay(
  forwarder: Forwarder,
  request: OutboundRequest,
  response: ServerResponse,
  context: RelayContext,
): Promise<Verdict<number | "again">> {
  // It tells no more that it closes, and takes no byte: the backend's connection would stand still for it.
  if (response.destroyed) return Promise.reject(new CallerLeft());
  return new Promise((resolve, reject) => {
    new Relay(response, context, resolve, reject).start(forwarder, request);
  });
}

/** One answer on its way to the client. */
class Relay implements AnswerSink {
  readonly #response: ServerResponse;
  readonly #context: RelayContext;
  readonly #resolve: (outcome: Verdict<number | "again">) => void;
  readonly #reject: (fault: unknown) => void;
  readonly #writer: AnswerWriter;
  readonly #startedAt: number;
  #firstByteMs: number | undefined;
  #forwarding: Forwarding | undefined;
  #stopTimer: Cancel | undefined;
  #waitsForRoom = false;
  #done = false;

  constructor(
    response: ServerResponse,
    context: RelayContext,
    resolve: (outcome: Verdict<number | "again">) => void,
    reject: (fault: unknown) => void,
  ) {
    this.#response = response;
    this.#context = context;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#writer = new AnswerWriter(response);
    this.#startedAt = context.clock.monotonic();
  }

  start(forwarder: Forwarder, request: OutboundRequest): void {
    const { filter, measure, withinMs, clock } = this.#context;
    const filtered =
      filter?.(this, {
        resume: () => this.#forwarding?.resume(),
        over: () => this.#done,
        withhold: (fault) => this.#withhold(fault),
      }) ?? this;
    const gate = new HeadGate(measure?.measured(filtered) ?? filtered, this.#context, () => this.#discard());
    this.#response.on("close", this.#onClose);
    if (withinMs !== undefined)
      this.#stopTimer = clock.after(withinMs, () => {
        if (this.#done) return;
        this.#forwarding?.cancel();
        filtered.error(
          new BackendFault("backend_timeout", "the answer took too long in all", { sent: true }),
        );
      });
    this.#forwarding = forwarder.forward(request, gate);
  }

  head(status: number, headers: readonly string[]): void {
    this.#noteFirstByte();
    this.#writer.head(status, responseHeaders(headers, this.#context.requestId));
  }

  data(chunk: Uint8Array): boolean {
    const hasRoom = this.#writer.data(chunk);
    if (!hasRoom && !this.#waitsForRoom) {
      this.#waitsForRoom = true;
      this.#response.once("drain", this.#onDrain);
    }
    return hasRoom;
  }

  end(): void {
    this.#finish("answered");
    const { req } = this.#response;
    // The backend did not wait for the end of the body. The answer ends behind it: Node cuts a connection that is not kept
    // as soon as its answer has ended, and a client that still sends would get a reset in place of it.
    if (req.complete) this.#writer.end();
    else
      discardRest(req, (whole) => {
        this.#writer.end();
        // Where the next request begins could not be told.
        if (!whole) req.socket.destroySoon();
      });
    this.#resolve(allow(this.#response.statusCode));
  }

  error(fault: Error): void {
    const isBody = fault instanceof BodyBrokenOff;
    if (isBody) this.#finish("aborted");
    else this.#finish((fault as { code?: string }).code === "backend_timeout" ? "timeout" : "unreachable");
    this.#forget();
    if (this.#response.headersSent) this.#response.destroy();
    if (!isBody) this.#reject(fault);
    else if (fault.denied === undefined) this.#reject(new CallerLeft());
    else this.#resolve(fault.denied);
  }

  #withhold(fault: unknown): void {
    if (this.#done) return;
    this.#forwarding?.cancel();
    this.#finish("answered");
    this.#forget();
    this.#reject(fault);
  }

  /** @returns cancels what is still to come of an answer that is thrown away */
  #discard(): () => void {
    this.#noteFirstByte();
    this.#finish("answered");
    this.#forget();
    this.#resolve(allow("again"));
    return () => this.#forwarding?.cancel();
  }

  readonly #onDrain = (): void => {
    this.#waitsForRoom = false;
    if (!this.#done) this.#forwarding?.resume();
  };

  readonly #onClose = (): void => {
    if (this.#done) return;
    this.#forwarding?.cancel();
    this.#finish("aborted");
    this.#reject(new CallerLeft());
  };

  #noteFirstByte(): void {
    this.#firstByteMs = this.#context.clock.monotonic() - this.#startedAt;
  }

  #finish(outcome: UpstreamAttempt["outcome"]): void {
    const { backend, clock, measure, report } = this.#context;
    this.#done = true;
    this.#stopTimer?.();
    measure?.over();
    const durationMs = clock.monotonic() - this.#startedAt;
    const firstByteMs = this.#firstByteMs;
    report(
      firstByteMs === undefined
        ? { backend, outcome, durationMs }
        : { backend, outcome, durationMs, firstByteMs },
    );
  }

  /** The response goes on to another answer. One that ends takes its listeners with it. */
  #forget(): void {
    this.#response.off("close", this.#onClose);
    this.#response.off("drain", this.#onDrain);
  }
}
