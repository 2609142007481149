import type { Readable } from "node:stream";
import { buildConnector, errors, Pool, type Dispatcher } from "undici";
import { BodyBrokenOff, isStreamed, type WholeBody } from "../../model/outbound-request.ts";
import { BackendFault } from "../backend-fault.ts";
import type { AnswerSink, Forwarder, Forwarding } from "../forwarder.ts";
import { backendTls, type BackendTlsOptions, mostConnections, serverNameAt } from "./backend-tls.ts";
import { authorityOf, openTunnel, TookTooLong } from "./open-tunnel.ts";

export interface UndiciForwarderOptions extends BackendTlsOptions {
  /** `https://host[:port]` */
  readonly origin: string;
  /** Sent in `Host`, in place of the origin's host and port. */
  readonly hostHeader?: string;
  /** An HTTP proxy, asked to CONNECT: TLS goes through it, and it sees nothing but the host. */
  readonly proxy?: string;
  readonly connectTimeoutMs: number;
  /** From the request sent to the answer's head. */
  readonly firstByteTimeoutMs: number;
  /** Between two pieces of the answer. */
  readonly idleTimeoutMs: number;
}

/** The home of undici: `Pool.dispatch`, which is its fastest door (see `docs/adr`). */
export function createUndiciForwarder(options: UndiciForwarderOptions): Forwarder {
  const { origin, hostHeader } = options;
  const dispatcher = dispatcherOf(options);
  // undici takes the name for SNI from the `Host` header: what is said to the server must not decide which it is.
  const serverName = serverNameAt(origin, options);
  return {
    forward(request, sink) {
      const body = isStreamed(request.body) ? request.body : undefined;
      const attempt = new Attempt(sink, body?.rest);
      body?.rest.unshift(body.held);
      const framed =
        body?.length === undefined
          ? request.headers
          : [...request.headers, "content-length", String(body.length)];
      const { firstByteTimeoutMs: longest } = options;
      const wait = Math.min(longest, request.firstByteTimeoutMs ?? longest);
      dispatcher.dispatch(
        {
          origin,
          method: request.method,
          path: request.path,
          // undici only reads the array; its type does not say so.
          headers: (hostHeader === undefined ? framed : [...framed, "host", hostHeader]) as string[],
          body: body === undefined ? (request.body as WholeBody) : body.rest,
          headersTimeout: wait,
          // It is not among the documented options, and what the request's own name for SNI comes from.
          ...(serverName === undefined ? {} : { servername: serverName }),
        },
        attempt,
      );
      return attempt;
    },
    close: () => dispatcher.close(),
  };
}

function dispatcherOf(options: UndiciForwarderOptions): Dispatcher {
  const { origin, connectTimeoutMs } = options;
  return new Pool(origin, {
    // HTTP/1.1 on purpose: raw headers stay raw, and one slow stream never holds up another on its connection.
    allowH2: false,
    pipelining: 1,
    connections: mostConnections,
    headersTimeout: options.firstByteTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
    keepAliveTimeout: 30_000,
    connect: connectorOf(options, {
      timeout: connectTimeoutMs,
      rejectUnauthorized: true,
      allowH2: false,
      secureContext: backendTls(options),
    }),
  });
}

/** TLS with the backend, through its proxy where it has one. */
function connectorOf(
  { origin, proxy, connectTimeoutMs }: UndiciForwarderOptions,
  tls: buildConnector.BuildOptions,
): buildConnector.connector {
  const secure = buildConnector(tls);
  const direct: buildConnector.connector = (options, callback) =>
    secure(options, (...[fault, socket]: Parameters<buildConnector.Callback>) => {
      // An alert after the handshake, such as "certificate required": undici would forget it over the end that follows.
      socket?.once("error", (alert: Error) => socket.destroy(alert));
      if (fault === null) callback(null, socket);
      else callback(fault, null);
    });
  if (proxy === undefined) return direct;
  const authority = authorityOf(origin);
  const tunnelled = async (...[options, callback]: Parameters<buildConnector.connector>): Promise<void> => {
    try {
      const httpSocket = await openTunnel(proxy, authority, connectTimeoutMs);
      direct({ ...options, httpSocket }, callback);
    } catch (fault) {
      callback(fault as Error, null);
    }
  };
  return (options, callback) => void tunnelled(options, callback);
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
    if (this.#cancelled) return;
    // undici names its controller when it begins to write: before that nothing was sent.
    const sent = this.#controller !== undefined;
    this.#sink.error(fault instanceof BodyBrokenOff ? fault : asBackendFault(fault, sent));
  }
}

const cancelled = new Error("the client left");

function rawPairs(raw: Dispatcher.DispatchController["rawHeaders"]): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === "string" ? part : part.toString("latin1")));
}

function asBackendFault(cause: Error, sent: boolean): BackendFault {
  const timeout =
    cause instanceof TookTooLong ||
    cause instanceof errors.HeadersTimeoutError ||
    cause instanceof errors.BodyTimeoutError ||
    cause instanceof errors.ConnectTimeoutError;
  return timeout
    ? new BackendFault("backend_timeout", "the backend took too long", { sent, cause })
    : new BackendFault("backend_unreachable", "the backend could not be reached or broke off", {
        sent,
        cause,
      });
}
