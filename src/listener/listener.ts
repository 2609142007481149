import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { ConnectionCaller, type CallerFacts } from "../gateway/caller.ts";
import { GatewayError } from "../kernel/errors.ts";
import { listenProblem } from "../kernel/listen-problem.ts";
import type { Metrics } from "../model/metrics.ts";
import { refuseOnSocket } from "./refuse.ts";
import { capturePresented } from "./presented-chain.ts";
import { serveExchange, type ExchangeServer } from "./serve-exchange.ts";
import { goodbyeMs, serveUpgrade } from "./serve-upgrade.ts";
import { stopListening } from "./stop-listening.ts";
import { secureContextOptions, type TlsMaterial } from "./tls-context.ts";

export interface ListenerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether other processes of this user may listen on the same port; the kernel spreads connections over all. */
  readonly reusePort?: boolean;
  readonly tls: TlsMaterial;
  readonly callers: CallerFacts;
  readonly exchanges: ExchangeServer;
  readonly metrics: Metrics;
}

/** What Node's parser and timers say, as sentences about the request. */
const clientErrors: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "The headers are too large.",
  ERR_HTTP_REQUEST_TIMEOUT: "It took too long to arrive.",
};

export interface Listener {
  readonly port: number;
  /** New connections get the new material; live ones stay. */
  replaceTls(material: TlsMaterial): void;
  /** Stops accepting, lets exchanges under way end within `graceMs`, then cuts the rest. */
  close(graceMs: number): Promise<void>;
}

/**
 * The mTLS listener. The handshake asks for a client certificate and completes with any; the decision is made in the
 * application, so that a refused caller gets a reason and not an alert (see `docs/adr`).
 * @throws GatewayError with a sentence for the operator when the address cannot be had
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { callers, exchanges, metrics } = options;
  const connections = new WeakMap<Socket, ConnectionCaller>();
  // The raw sockets, so that a connection still in its handshake can be cut too.
  const open = new Set<Socket>();
  const server: Server = createServer({
    ...secureContextOptions(options.tls),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: 10_000,
    headersTimeout: 30_000,
    // Large uploads at a slow pace: the gateway itself sees to bodies that do not come.
    requestTimeout: 3_600_000,
    keepAliveTimeout: 75_000,
    maxHeaderSize: 16 * 1024,
    noDelay: true,
    // Anything else that a client offers to upgrade to (h2c) is declined by serving the request as it is.
    shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === "websocket",
  });

  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.on("secureConnection", (socket) => {
    metrics.connection("opened");
    socket.once("close", () => metrics.connection("closed"));
    connections.set(socket, new ConnectionCaller(capturePresented(socket), callers));
  });
  server.on("tlsClientError", (_fault, socket) => {
    metrics.connection("handshake-failed");
    socket.destroy();
  });

  const callerOf = (socket: Socket): ConnectionCaller => {
    const caller = connections.get(socket);
    // Fails closed: a connection that was not captured has no certificate.
    return caller ?? new ConnectionCaller({ chain: undefined, tls: { authorized: false } }, callers);
  };
  const answering = new WeakMap<Socket, number>();
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    answering.set(socket, (answering.get(socket) ?? 0) + 1);
    response.once("close", () => answering.set(socket, (answering.get(socket) ?? 1) - 1));
    void serveExchange(exchanges, callerOf(socket), request, response);
  };
  server.on("request", serve);
  // Without this listener Node would ask for the body before anything was decided.
  server.on("checkContinue", serve);
  server.on("checkExpectation", serve);
  const goodbyes = new Set<() => void>();
  server.on(
    "upgrade",
    (request, socket, head) =>
      void serveUpgrade(exchanges, goodbyes, callerOf(request.socket), request, socket, head),
  );
  server.on("clientError", (fault: Error & { code?: string }, socket) => {
    // Into an answer that is under way nothing may be written: a client would take it for a part of it.
    const isAnswering = (answering.get(socket as Socket) ?? 0) > 0;
    if (fault.code === "ECONNRESET" || !socket.writable || isAnswering) return void socket.destroy();
    const detail = clientErrors[fault.code ?? ""] ?? "It does not parse as HTTP/1.1.";
    refuseOnSocket(socket, { code: "request_malformed", detail }, randomUUID());
  });

  server.listen({ host: options.host, port: options.port, reusePort: options.reusePort === true });
  try {
    await once(server, "listening");
  } catch (cause) {
    const problem = listenProblem(cause, "the gateway's port", options.host, options.port, "listen.port");
    throw new GatewayError("internal_error", problem, { cause });
  }

  return {
    port: (server.address() as AddressInfo).port,
    replaceTls: (material) => server.setSecureContext(secureContextOptions(material)),
    async close(graceMs) {
      const closed = stopListening(server, graceMs);
      const cut = () => {
        for (const socket of open) socket.destroy();
      };
      let timer = setTimeout(() => {
        if (goodbyes.size === 0) return cut();
        // They may be told of it, and that takes no longer than any other goodbye.
        for (const leave of goodbyes) leave();
        timer = setTimeout(cut, goodbyeMs);
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
