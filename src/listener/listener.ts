import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { CallerFacts } from "../gateway/caller.ts";
import { KnownCallers } from "../gateway/known-callers.ts";
import { batched } from "../kernel/batched.ts";
import { GatewayError } from "../kernel/errors.ts";
import { listenProblem } from "../kernel/listen-problem.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Metrics } from "../model/metrics.ts";
import { deny, type Denied } from "../model/verdict.ts";
import { ClientConnection } from "./client-connection.ts";
import { ClientShares } from "./client-shares.ts";
import { LoopWatch } from "./loop-watch.ts";
import { capturePresented } from "./presented-chain.ts";
import { refuseOnSocket } from "./refuse.ts";
import { serveExchange, type ExchangeServer } from "./serve-exchange.ts";
import { goodbyeMs, serveUpgrade } from "./serve-upgrade.ts";
import { SourceGate, type SourceLimits } from "./source-gate.ts";
import { stopListening } from "./stop-listening.ts";
import { sessionThumbprint } from "./session-thumbprint.ts";
import { secureContextOptions, type TlsMaterial } from "./tls-context.ts";
import { UnreadWatch } from "./unread-watch.ts";

export interface ListenerLimits extends SourceLimits {
  /** Open at the same time with one client certificate. */
  readonly connectionsPerClient: number;
  /** Requests that may wait on a connection. */
  readonly pipelinedRequests: number;
  /** To the end of a request's headers. */
  readonly headerSeconds: number;
  /** For which a client may leave unread what waits for it. */
  readonly unreadSeconds: number;
  readonly eventLoopLagMs: number;
}

export interface ListenerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether other processes of this user may listen on the same port; the kernel spreads connections over all. */
  readonly reusePort?: boolean;
  readonly tls: TlsMaterial;
  readonly callers: CallerFacts;
  readonly exchanges: ExchangeServer;
  /** Those of this moment. */
  readonly limits: () => ListenerLimits;
  readonly metrics: Metrics;
  readonly log: Logger;
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
  /** To be called when the limits have changed: one of them is Node's to keep. */
  followLimits(): void;
  /** Stops accepting, lets exchanges under way end within `graceMs`, then ends the rest, each with a word of why. */
  close(graceMs: number): Promise<void>;
}

/** Milliseconds for which a surplus connection may stay without a request, which would tell it why it must go. */
const surplusMs = 5000;

/**
 * The mTLS listener. The handshake asks for a client certificate and completes with any; the decision is made in the
 * application, so that a refused caller gets a reason and not an alert (see `docs/adr`).
 * @throws GatewayError with a sentence for the operator when the address cannot be had
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { callers, exchanges, metrics, limits, log } = options;
  const connections = new Map<Socket, ClientConnection>();
  const gate = new SourceGate(limits);
  const shares = new ClientShares();
  const knownCallers = new KnownCallers(callers);
  const loop = new LoopWatch(
    () => limits().eventLoopLagMs,
    (overloaded, lagMs) =>
      overloaded
        ? log.warn({ lagMs }, "the event loop cannot keep up: requests are turned away")
        : log.info({ lagMs }, "the event loop keeps up again"),
  );
  const unread = new UnreadWatch(
    () => limits().unreadSeconds * 1000,
    (socket) => {
      metrics.shed("answer_unread");
      socket.destroy();
    },
  );
  // The raw sockets, so that a connection still in its handshake can be cut too.
  const open = new Set<Socket>();
  const server: Server = createServer({
    ...secureContextOptions(options.tls),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: 10_000,
    headersTimeout: limits().headerSeconds * 1000,
    connectionsCheckingInterval: 1000,
    // Large uploads at a slow pace: the gateway itself sees to bodies that do not come.
    requestTimeout: 3_600_000,
    keepAliveTimeout: 75_000,
    maxHeaderSize: 16 * 1024,
    noDelay: true,
    // Anything else that a client offers to upgrade to (h2c) is declined by serving the request as it is.
    shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === "websocket",
  });

  // Node would drop what comes after the two thousandth, unseen. Their bytes are bounded already.
  server.maxHeadersCount = 0;
  const startTls = soleListener(server);
  server.on("connection", (socket: Socket) => {
    const admission = gate.admit(socket.remoteAddress);
    if (!admission.admitted) {
      metrics.shed(admission.reason);
      // The cheapest end: nothing waits in the kernel afterwards, and no TLS state was made.
      return void socket.resetAndDestroy();
    }
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      admission.leave();
    });
    startTls(socket);
  });
  server.on("secureConnection", (socket) => {
    metrics.connection("opened");
    const caller = knownCallers.callerOf(socket.authorized ? sessionThumbprint(socket) : undefined, () =>
      socket.destroyed ? undefined : capturePresented(socket),
    );
    const { thumbprint } = caller;
    const isSurplus = shares.enter(thumbprint, limits().connectionsPerClient);
    connections.set(socket, new ClientConnection(socket, caller, isSurplus));
    unread.add(socket);
    socket.once("close", () => {
      metrics.connection("closed");
      connections.delete(socket);
      unread.remove(socket);
      shares.leave(thumbprint);
    });
    if (isSurplus) endSoon(socket);
  });
  server.on("tlsClientError", (_fault, socket) => {
    metrics.connection("handshake-failed");
    socket.destroy();
  });

  const connectionOf = (socket: Socket): ClientConnection => {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    // Fails closed: a connection that was not captured has no certificate.
    const stranger = knownCallers.callerOf(undefined, () => undefined);
    const made = new ClientConnection(socket, stranger, false);
    connections.set(socket, made);
    socket.once("close", () => connections.delete(socket));
    return made;
  };
  const turnAway = ({ isSurplus }: ClientConnection): Denied | undefined => {
    if (!isSurplus && !loop.overloaded) return undefined;
    metrics.shed(isSurplus ? "connections_per_client" : "event_loop_lag");
    return isSurplus ? tooManyConnections : tooMuchToDo;
  };
  // Begun together behind the turn in which they came; taken, and bounded, as they come.
  const beginnings = batched((begin: () => void) => begin());
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    // What had arrived before it was cut is parsed all the same.
    if (socket.destroyed) return;
    const connection = connectionOf(socket);
    const begin = () => {
      if (!socket.destroyed)
        void serveExchange(exchanges, connection.caller, request, response, turnAway(connection));
    };
    if (connection.take(response, () => beginnings(begin), limits().pipelinedRequests)) return;
    metrics.shed("pipelined_requests");
    socket.destroy();
  };
  server.on("request", serve);
  // Without this listener Node would ask for the body before anything was decided.
  server.on("checkContinue", serve);
  server.on("checkExpectation", serve);
  server.on("upgrade", (request, socket, head) => {
    // What stands before it is begun first, and so recorded.
    beginnings.pass();
    const connection = connectionOf(request.socket);
    // Sent ahead, its answer would stand before, or in, the one that is under way.
    if (connection.isAnswering) {
      metrics.shed("pipelined_requests");
      return void socket.destroy();
    }
    const upgrade = { request, socket, head };
    void serveUpgrade(exchanges, connection.caller, upgrade, turnAway(connection));
  });
  server.on("clientError", (fault: Error & { code?: string }, socket) => {
    // What stands before it is begun first, and so recorded.
    beginnings.pass();
    if (fault.code === "ERR_HTTP_REQUEST_TIMEOUT") metrics.shed("request_late");
    // What still comes after a refusal is thrown away; to end it now would reset the connection, and the answer with it.
    if (socket.writableEnded) return;
    // Into an answer that is under way nothing may be written: a client would take it for a part of it.
    const isAnswering = connections.get(socket as Socket)?.isAnswering === true;
    if (fault.code === "ECONNRESET" || !socket.writable || isAnswering) return void socket.destroy();
    const detail = clientErrors[fault.code ?? ""] ?? "It does not parse as HTTP/1.1.";
    refuseOnSocket(socket, { code: "request_malformed", detail }, randomUUID());
  });

  loop.start();
  unread.start();
  server.listen({ host: options.host, port: options.port, reusePort: options.reusePort === true });
  try {
    await once(server, "listening");
  } catch (cause) {
    loop.stop();
    unread.stop();
    const problem = listenProblem(cause, "the gateway's port", options.host, options.port, "listen.port");
    throw new GatewayError("internal_error", problem, { cause });
  }

  return {
    port: (server.address() as AddressInfo).port,
    replaceTls: (material) => server.setSecureContext(secureContextOptions(material)),
    followLimits() {
      server.headersTimeout = limits().headerSeconds * 1000;
    },
    async close(graceMs) {
      const closed = stopListening(server, graceMs);
      for (const connection of connections.values()) connection.endAfterAnswer();
      const cut = () => {
        for (const socket of open) socket.destroy();
      };
      let timer = setTimeout(() => {
        exchanges.live.cutAll(deny("shutting_down", ""));
        // To be told of it takes no longer than any other goodbye.
        timer = setTimeout(cut, goodbyeMs);
      }, graceMs);
      await closed;
      clearTimeout(timer);
      loop.stop();
      unread.stop();
    },
  };
}

const tooManyConnections = deny("connections_exceeded", "Close some, or use them for more than one request.");
const tooMuchToDo = deny("overloaded", "");

/**
 * Takes over who hears first of a connection: what Node's TLS does with each is made a function, so that it is done for
 * those only that are let in.
 * @throws GatewayError when Node does not do it by one listener any more
 */
function soleListener(server: Server): (socket: Socket) => void {
  const [listener, ...others] = server.listeners("connection");
  if (listener === undefined || others.length > 0)
    throw new GatewayError("internal_error", `Node ${process.version} accepts connections in an unknown way`);
  server.removeAllListeners("connection");
  return (socket) => {
    Reflect.apply(listener, server, [socket]);
  };
}

function endSoon(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), surplusMs);
  socket.once("close", () => clearTimeout(timer));
}
