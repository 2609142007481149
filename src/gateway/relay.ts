import type { ServerResponse } from "node:http";
import { BackendFault } from "../forward/backend-fault.ts";
import type { AnswerSink, Forwarder } from "../forward/forwarder.ts";
import { responseHeaders } from "../forward/response-headers.ts";
import type { Clock } from "../kernel/clock.ts";
import type { UpstreamAttempt } from "../model/metrics.ts";
import { BodyBrokenOff, type OutboundRequest } from "../model/outbound-request.ts";
import { allow, type Verdict } from "../model/verdict.ts";
import { AnswerWriter } from "./answer-writer.ts";
import type { AnswerFilter } from "./claim-answer.ts";
import type { AnswerMeasure } from "./measure-answer.ts";
import { CallerLeft } from "./read-body.ts";
import { discardRest } from "./receive-rest.ts";

/** What becomes of an answer whose head has come, while the client has not been sent a byte. */
export type HeadVerdict =
  /** The client gets it, with another `Retry-After` where one is given. */
  | { readonly pass: true; readonly retryAfterSeconds?: number }
  /** It is thrown away: the request is tried again. */
  | { readonly pass: false };

export interface RelayContext {
  readonly backend: string;
  readonly requestId: string;
  readonly clock: Clock;
  readonly report: (attempt: UpstreamAttempt) => void;
  /** Stands between the backend's answer and the client's. */
  readonly filter?: AnswerFilter;
  /** Sees an answer that passes. */
  readonly measure?: AnswerMeasure;
  /** Asked once. Absent: every answer passes. */
  readonly onHead?: (status: number, headers: readonly string[]) => HeadVerdict;
  /** Milliseconds after which the answer is given up, finished or not. */
  readonly withinMs?: number;
}

/** Of an answer that is thrown away: a short one is read to its end, so that its connection lives on. */
const discarded = { bytes: 64 * 1024, ms: 1000 } as const;

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
  const { promise, resolve, reject } = Promise.withResolvers<Verdict<number | "again">>();
  const startedAt = context.clock.monotonic();
  let firstByteMs: number | undefined;
  let done = false;
  const finish = (outcome: UpstreamAttempt["outcome"]) => {
    done = true;
    stopTimer?.();
    response.off("close", onClose);
    response.off("drain", onDrain);
    context.measure?.over();
    context.report({
      backend: context.backend,
      outcome,
      durationMs: context.clock.monotonic() - startedAt,
      ...(firstByteMs === undefined ? {} : { firstByteMs }),
    });
  };
  const writer = new AnswerWriter(response);
  const direct: AnswerSink = {
    head(status, headers) {
      firstByteMs = context.clock.monotonic() - startedAt;
      writer.head(status, responseHeaders(headers, context.requestId));
    },
    data: (chunk) => writer.data(chunk),
    end() {
      finish("answered");
      const { req } = response;
      // The backend did not wait for the end of the body. The answer ends behind it: Node cuts a connection that is not kept
      // as soon as its answer has ended, and a client that still sends would get a reset in place of it.
      if (req.complete) writer.end();
      else
        discardRest(req, (whole) => {
          writer.end();
          // Where the next request begins could not be told.
          if (!whole) req.socket.destroySoon();
        });
      resolve(allow(response.statusCode));
    },
    error(fault) {
      if (fault instanceof BodyBrokenOff) return brokenOff(fault);
      finish((fault as { code?: string }).code === "backend_timeout" ? "timeout" : "unreachable");
      if (response.headersSent) response.destroy();
      reject(fault);
    },
  };
  const brokenOff = ({ denied }: BodyBrokenOff) => {
    finish("aborted");
    if (response.headersSent) response.destroy();
    if (denied === undefined) reject(new CallerLeft());
    else resolve(denied);
  };
  const filtered =
    context.filter?.(direct, {
      resume: () => forwarding.resume(),
      over: () => done,
      withhold(fault) {
        if (done) return;
        forwarding.cancel();
        finish("answered");
        reject(fault);
      },
    }) ?? direct;
  const gate = new HeadGate(context.measure?.measured(filtered) ?? filtered, context, () => {
    firstByteMs = context.clock.monotonic() - startedAt;
    finish("answered");
    resolve(allow("again"));
    return () => forwarding.cancel();
  });
  const onDrain = () => forwarding.resume();
  const onClose = () => {
    if (done) return;
    forwarding.cancel();
    finish("aborted");
    reject(new CallerLeft());
  };
  response.on("drain", onDrain);
  response.once("close", onClose);
  const stopTimer =
    context.withinMs === undefined
      ? undefined
      : context.clock.after(context.withinMs, () => {
          if (done) return;
          forwarding.cancel();
          filtered.error(
            new BackendFault("backend_timeout", "the answer took too long in all", { sent: true }),
          );
        });
  const forwarding = forwarder.forward(request, gate);
  return promise;
}

/** Lets an answer through, or throws it away, as its head decides. */
class HeadGate implements AnswerSink {
  readonly #inner: AnswerSink;
  readonly #context: RelayContext;
  readonly #onDiscard: () => () => void;
  #discarding: { left: number; readonly over: () => void; readonly cancel: () => void } | undefined;

  /** @param onDiscard hears that the answer is thrown away; returns what cancels the rest of it */
  constructor(inner: AnswerSink, context: RelayContext, onDiscard: () => () => void) {
    this.#inner = inner;
    this.#context = context;
    this.#onDiscard = onDiscard;
  }

  head(status: number, headers: readonly string[]): void {
    const verdict = this.#context.onHead?.(status, headers) ?? { pass: true };
    if (verdict.pass) {
      const { retryAfterSeconds: seconds } = verdict;
      return this.#inner.head(status, seconds === undefined ? headers : withRetryAfter(headers, seconds));
    }
    const cancel = this.#onDiscard();
    const over = this.#context.clock.after(discarded.ms, cancel);
    this.#discarding = { left: discarded.bytes, over, cancel };
  }

  data(chunk: Uint8Array): boolean {
    const discarding = this.#discarding;
    if (discarding === undefined) return this.#inner.data(chunk);
    discarding.left -= chunk.length;
    if (discarding.left < 0) {
      discarding.over();
      discarding.cancel();
    }
    return true;
  }

  end(): void {
    if (this.#discarding === undefined) this.#inner.end();
    else this.#discarding.over();
  }

  error(fault: Error): void {
    if (this.#discarding === undefined) this.#inner.error(fault);
    else this.#discarding.over();
  }
}

/** @param headers flat raw pairs */
export function withRetryAfter(headers: readonly string[], seconds: number): string[] {
  const others: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    if (name !== "retry-after" && name !== "retry-after-ms")
      others.push(headers[at] as string, headers[at + 1] as string);
  }
  return [...others, "retry-after", String(seconds)];
}
