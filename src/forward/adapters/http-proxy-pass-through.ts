import { Agent } from "node:https";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { getCACertificates } from "node:tls";
import { createProxyMiddleware, definePlugin } from "http-proxy-middleware";
import { GatewayError } from "../../kernel/errors.ts";
import type { PassThrough, PassThroughRequest } from "../pass-through.ts";
import { isWithheldFromClient } from "../response-headers.ts";

export interface HttpProxyPassThroughOptions {
  /** `https://host[:port]` */
  readonly origin: string;
  /** PEM of a private CA, trusted beside the runtime's own roots. */
  readonly ca?: string;
  readonly firstByteTimeoutMs: number;
}

/**
 * The home of http-proxy-middleware. Its traps, and what is done about them: its default plugins answer errors with
 * a page that echoes the URL, so they are ejected; its `proxyReq` hook is skipped when a client sends `Expect`, so
 * headers are replaced before it is called; it tells a failure by `error`, by `next(err)`, or by both, so one function
 * hears of them all and the first word counts.
 */
export function createHttpProxyPassThrough(options: HttpProxyPassThroughOptions): PassThrough {
  const agent = new Agent({
    keepAlive: true,
    rejectUnauthorized: true,
    ...(options.ca === undefined ? {} : { ca: [...getCACertificates("default"), options.ca] }),
  });
  const tunnels = new WeakMap<IncomingMessage, Tunnel>();

  const hooks = definePlugin((proxy) => {
    // With a listener here a failed request emits and never calls `next`; without one an upgrade's failure would
    // throw. So this is the one place that hears of every failure.
    proxy.on("error", (fault, request) => tunnels.get(request as IncomingMessage)?.fail(fault));
    proxy.on("proxyReq", (proxyRequest) => {
      proxyRequest.once("timeout", () => proxyRequest.destroy(new Error(timedOut)));
    });
    proxy.on("proxyRes", (answer, request) => withhold(answer.headers, tunnels.get(request)));
    proxy.on("proxyReqWs", (proxyRequest, request) => {
      const tunnel = tunnels.get(request);
      // These listeners are added before the library's own, so they see the answer first.
      proxyRequest.once("upgrade", (answer) => {
        withhold(answer.headers, tunnel, "upgrade");
        tunnel?.open();
      });
      proxyRequest.once("response", (answer) => {
        withhold(answer.headers, tunnel);
        tunnel?.open();
      });
    });
  });

  const proxy = createProxyMiddleware({
    target: options.origin,
    changeOrigin: true,
    secure: true,
    xfwd: false,
    followRedirects: false,
    ejectPlugins: true,
    plugins: [hooks],
    agent,
    proxyTimeout: options.firstByteTimeoutMs,
  });

  return {
    async request(incoming, response, request) {
      replace(incoming, request);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const fail = (fault: unknown) => {
        if (response.headersSent) response.destroy();
        else reject(asGatewayError(fault));
      };
      tunnels.set(incoming, { requestId: request.requestId, open: () => {}, fail });
      response.once("close", resolve);
      void proxy(incoming, response, fail);
      await promise;
    },
    async upgrade(incoming, socket, head, request, failed) {
      replace(incoming, request);
      const closed = new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
      });
      let answered = false;
      tunnels.set(incoming, {
        requestId: request.requestId,
        open: () => {
          answered = true;
        },
        fail: (fault) => {
          if (answered) socket.destroy();
          else failed(asGatewayError(fault));
          answered = true;
        },
      });
      proxy.upgrade(incoming, socket as Socket, head);
      await closed;
    },
    close: () => agent.destroy(),
  };
}

interface Tunnel {
  readonly requestId: string;
  open(): void;
  fail(fault: unknown): void;
}

const timedOut = "the backend took too long";

function replace(incoming: IncomingMessage, request: PassThroughRequest): void {
  incoming.headers = request.headers;
  incoming.url = request.path;
}

function withhold(headers: IncomingHttpHeaders, tunnel: Tunnel | undefined, keep?: "upgrade"): void {
  for (const name of Object.keys(headers)) {
    if (!isWithheldFromClient(name) || name === "transfer-encoding") continue;
    if (keep === "upgrade" && (name === "upgrade" || name === "connection")) continue;
    delete headers[name];
  }
  headers["x-certgate-answered-by"] = "backend";
  if (tunnel !== undefined) headers["x-certgate-request-id"] = tunnel.requestId;
}

function asGatewayError(fault: unknown): GatewayError {
  return fault instanceof Error && fault.message === timedOut
    ? new GatewayError("backend_timeout", timedOut, { cause: fault })
    : new GatewayError("backend_unreachable", "the backend could not be reached or broke off", {
        cause: fault,
      });
}
