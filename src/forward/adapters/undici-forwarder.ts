import type { Readable } from "node:stream";
import { errors, Pool, type Dispatcher } from "undici";
import { GatewayError } from "../../kernel/errors.ts";
import { BodyBrokenOff, isStreamed, type WholeBody } from "../../model/outbound-request.ts";
import { backendTls, mostConnections } from "./backend-tls.ts";
import type { AnswerSink, Forwarder, Forwarding } from "../forwarder.ts";

export interface UndiciForwarderOptions {
  /** `https://host[:port]` */
  readonly origin: string;
  /** PEM of a private CA, trusted beside the runtime's own roots. */
  readonly ca?: string;
  readonly connectTimeoutMs: number;
  /** From the request sent to the answer's head. */
  readonly firstByteTimeoutMs: number;
  /** Between two pieces of the answer. */
  readonly idleTimeoutMs: number;
}

/** The home of undici: `Pool.dispatch`, which is its fastest door (see `docs/adr`). */
export function createUndiciForwarder(options: UndiciForwarderOptions): Forwarder {
  const pool = new Pool(options.origin, {
    // HTTP/1.1 on purpose: raw headers stay raw, and one slow stream never holds up another on its connection.
    allowH2: false,
    pipelining: 1,
    connections: mostConnections,
    connect: {
      timeout: options.connectTimeoutMs,
      rejectUnauthorized: true,
      secureContext: backendTls(options.ca),
    },
    headersTimeout: options.firstByteTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
    keepAliveTimeout: 30_000,
  });
  return {
    forward(request, sink) {
      const body = isStreamed(request.body) ? request.body : undefined;
      const attempt = new Attempt(sink, body?.rest);
      body?.rest.unshift(body.held);
      pool.dispatch(
        {
          method: request.method,
          path: request.path,
          // undici only reads the array; its type does not say so.
          headers: (body?.length === undefined
            ? request.headers
            : [...request.headers, "content-length", String(body.length)]) as string[],
          body: body === undefined ? (request.body as WholeBody) : body.rest,
        },
        attempt,
      );
      return attempt;
    },
    close: () => pool.close(),
  };
}

class Attempt implements Dispatcher.DispatchHandler, Forwarding {
  readonly #sink: AnswerSink;
  /** undici leaves it alone where no connection was had, or where it waits for one. */
  readonly #body: Readable | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #cancelled = false;

  constructor(sink: AnswerSink, body: Readable | undefined) {
    this.#sink = sink;
    this.#body = body;
  }

  resume(): void {
    this.#controller?.resume();
  }

  cancel(): void {
    this.#cancelled = true;
    this.#controller?.abort(cancelled);
    this.#body?.destroy();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Cancelled while it waited for a connection: nothing was sent, and nothing will be.
    if (this.#cancelled) controller.abort(cancelled);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#cancelled || status < 200) return;
    this.#sink.head(status, rawPairs(controller.rawHeaders));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#cancelled && !this.#sink.data(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    // An answer that is complete before the body is: nobody reads the rest of it.
    this.#body?.destroy();
    if (!this.#cancelled) this.#sink.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, fault: Error): void {
    this.#body?.destroy();
    if (!this.#cancelled) this.#sink.error(fault instanceof BodyBrokenOff ? fault : asGatewayError(fault));
  }
}

const cancelled = new Error("the client left");

function rawPairs(raw: Dispatcher.DispatchController["rawHeaders"]): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === "string" ? part : part.toString("latin1")));
}

function asGatewayError(fault: Error): GatewayError {
  const timeout =
    fault instanceof errors.HeadersTimeoutError ||
    fault instanceof errors.BodyTimeoutError ||
    fault instanceof errors.ConnectTimeoutError;
  return timeout
    ? new GatewayError("backend_timeout", "the backend took too long", { cause: fault })
    : new GatewayError("backend_unreachable", "the backend could not be reached or broke off", {
        cause: fault,
      });
}
