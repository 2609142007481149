import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createProxyMiddleware, definePlugin, type Plugin } from "http-proxy-middleware";
import { GatewayError } from "../../kernel/errors.ts";
import type { PassThrough, PassThroughRequest } from "../pass-through.ts";
import { withheldFromClient } from "../response-headers.ts";
import { BackendAgent } from "./backend-agent.ts";
import { hostOf, mostConnections } from "./backend-tls.ts";
import { TookTooLong, toBackendFault } from "./to-backend-fault.ts";
import type { WayToBackend } from "./way-to-backend.ts";

export interface HttpProxyPassThroughOptions extends WayToBackend {
  /** Sent in `Host`, in place of the origin's host and port. */
  readonly hostHeader?: string;
  /** To the answer's head, and between two pieces of it. */
  readonly firstByteTimeoutMs: number;
}

/**
 * The home of http-proxy-middleware. Its traps, and what is done about them: its default plugins answer errors with
 * a page that echoes the URL, so they are ejected; its `proxyReq` hook is skipped when a client sends `Expect`, so
 * headers are replaced before it is called; it tells a failure by `error`, by `next(err)`, or by both, so one function
 * hears of them all and the first word counts; it hands a backend's status line to the response unchecked, where a
 * bad one throws out of a stream's callback and ends the process; a tunnel whose client side is destroyed leaves the
 * backend's side open; its middleware listens to the server's `close` for as long as that runs, so what a reload has
 * replaced would stay, and therefore the proxy inside it is called.
 */
export function createHttpProxyPassThrough(options: HttpProxyPassThroughOptions): PassThrough {
  const { origin, hostHeader = new URL(origin).host } = options;
  const agent = new BackendAgent(options, { keepAlive: true, maxSockets: mostConnections });
  // Never shared with requests: a backend may see in an upgrade what we do not, and what is left on that connection
  // must not meet somebody else's request.
  const tunnelAgent = new BackendAgent(options, { keepAlive: false });
  const underWay = new WeakMap<IncomingMessage, UnderWay>();

  let inside: Parameters<Plugin>[0] | undefined;
  const hooks = definePlugin((proxy) => {
    inside = proxy;
    // With a listener here a failed request emits and never calls `next`; without one an upgrade's failure would
    // throw. So this is the one place that hears of every failure.
    proxy.on("error", (fault, request) => {
      if (request !== undefined) underWay.get(request)?.fail(fault);
    });
    proxy.on("proxyReq", (proxyRequest, request) => {
      limitSilence(proxyRequest, options.firstByteTimeoutMs);
      underWay.get(request)?.begun(proxyRequest);
      proxyRequest.once("upgrade", (_answer, backend) => {
        backend.destroy();
        underWay.get(request)?.fail(new Error("the backend switched protocols unasked"));
      });
    });
    proxy.on("proxyRes", (answer, request, response) => {
      keepWhatWasSent(answer);
      clean(answer, underWay.get(request));
      // The library would write keep-alive although the client, or our own drain, asked to close.
      if (!response.shouldKeepAlive) answer.headers.connection = "close";
    });
    proxy.on("proxyReqWs", (proxyRequest, request) => {
      const tunnel = underWay.get(request);
      limitSilence(proxyRequest, options.firstByteTimeoutMs);
      // These listeners are added before the library's own, so they see the answer first.
      proxyRequest.once("upgrade", (answer, backend) => {
        proxyRequest.setTimeout(0);
        clean(answer, tunnel);
        tunnel?.open(backend);
      });
      proxyRequest.once("response", (answer) => {
        clean(answer, tunnel);
        tunnel?.open(answer.socket);
      });
    });
  });

  const { port } = new URL(origin);
  const shared = {
    target: { protocol: "https:", host: hostOf(origin), port: port === "" ? 443 : Number(port) },
    // The client's own was withheld.
    headers: { host: hostHeader },
    secure: true,
    xfwd: false,
    followRedirects: false,
    ejectPlugins: true,
    plugins: [hooks],
  };
  createProxyMiddleware(shared);
  const proxy = inside;
  if (proxy === undefined) throw new GatewayError("internal_error", "the proxy did not take its hooks");

  return {
    async request(incoming, response, request, signal) {
      replace(incoming, request);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const fail = (fault: unknown) => {
        // What fails because it was ended here is no news, and the answer under way by then is the gateway's own.
        if (signal?.aborted === true) return;
        if (response.headersSent) response.destroy();
        else reject(toBackendFault(fault, true));
      };
      let toBackend: ClientRequest | undefined;
      const begun = (proxyRequest: ClientRequest) => {
        toBackend = proxyRequest;
      };
      underWay.set(incoming, { requestId: request.requestId, begun, open: () => {}, fail });
      response.once("close", resolve);
      signal?.addEventListener("abort", () => {
        reject(signal.reason);
        toBackend?.destroy();
      });
      proxy.web(incoming, response, { ...shared, agent }).catch(fail);
      await promise;
    },
    async upgrade(incoming, socket, head, request, failed) {
      replace(incoming, request);
      const closed = new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
      });
      let answered = false;
      underWay.set(incoming, {
        requestId: request.requestId,
        begun: () => {},
        open(backend) {
          answered = true;
          socket.once("close", () => backend.destroy());
        },
        fail(fault) {
          if (answered) socket.destroy();
          else failed(toBackendFault(fault, true));
          answered = true;
        },
      });
      proxy
        .ws(incoming, socket as Socket, { ...shared, agent: tunnelAgent }, head)
        .catch((fault: unknown) => underWay.get(incoming)?.fail(fault));
      await closed;
    },
    close() {
      agent.destroy();
      tunnelAgent.destroy();
    },
  };
}

interface UnderWay {
  readonly requestId: string;
  begun(proxyRequest: ClientRequest): void;
  /** The backend has answered an upgrade; its socket goes when the client goes. */
  open(backend: Duplex): void;
  fail(fault: unknown): void;
}

function limitSilence(proxyRequest: ClientRequest, ms: number): void {
  proxyRequest.setTimeout(ms, () => proxyRequest.destroy(new TookTooLong()));
}

function replace(incoming: IncomingMessage, request: PassThroughRequest): void {
  incoming.headers = request.headers;
  incoming.url = request.path;
}

/**
 * Node tells a turn late that a request was sent. The library takes an answer that was faster for one that came too early,
 * and destroys its connection when the answer closes: after almost each upload to a backend that is near. So its listener is
 * taken off where the request has ended, and what it does is done that turn later; Node itself gives no connection to another
 * request while something of this one is still to be sent on it. Where it is not the only listener, a connection is lost.
 */
function keepWhatWasSent(answer: IncomingMessage): void {
  const { req } = answer as IncomingMessage & { readonly req: ClientRequest };
  if (!req.writableEnded || req.writableFinished) return;
  if (answer.listenerCount("close") !== 1) return;
  answer.removeAllListeners("close");
  answer.once("close", () =>
    setImmediate(() => {
      if (!req.writableFinished) req.destroy();
    }),
  );
}

/** What the library copies from the backend's answer to ours, made fit for it. */
function clean(answer: IncomingMessage, exchange: UnderWay | undefined): void {
  const { headers, statusCode = 0 } = answer;
  const isWithheld = withheldFromClient(answer.rawHeaders);
  const isSwitching = statusCode === 101;
  for (const name of Object.keys(headers)) {
    if (name === "transfer-encoding" || (isSwitching && (name === "upgrade" || name === "connection")))
      continue;
    if (isWithheld(name)) delete headers[name];
  }
  headers["x-certgate-answered-by"] = "backend";
  if (exchange !== undefined) headers["x-certgate-request-id"] = exchange.requestId;
  // Node's server refuses both with an exception that nobody could catch.
  answer.statusMessage = "";
  if (!isSwitching && (statusCode < 200 || statusCode > 599)) answer.statusCode = 502;
}
