import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { GatewayError } from "../kernel/errors.ts";
import { listenProblem } from "../kernel/listen-problem.ts";

export interface AdminServerOptions {
  readonly host: string;
  /** 0 lets the system choose; the answer tells which. */
  readonly port: number;
  readonly app: RequestListener;
  /** Whether a successor may listen on the same port while this one still does. Default false. */
  readonly reusePort?: boolean;
}

export interface AdminServer {
  readonly host: string;
  /** The port that it really listens on. */
  readonly port: number;
  /**
   * Leaves the port to a successor that listens on it too: from then on only that one is asked, and a load balancer does
   * not read of the end of this one. Where there is none, this one stays, to say so.
   */
  yieldToSuccessor(): Promise<void>;
  /** Stops listening, lets answers under way end for up to a second, and closes every connection. */
  stop(): Promise<void>;
}

/** An admin answer takes milliseconds; whoever is still connected after this only keeps the process from ending. */
const longestGoodbyeMs = 1000;

/**
 * Starts the admin app on its own port, in plain HTTP: it belongs on loopback or on a network for operators.
 * @throws GatewayError with a sentence for the operator when the address cannot be had.
 */
export async function startAdminServer({
  host,
  port,
  app,
  reusePort = false,
}: AdminServerOptions): Promise<AdminServer> {
  const server = createServer(app);
  server.on("request", (_request, response) => {
    // While stopping, a connection that was kept alive must go as soon as its answer is out.
    response.once("close", () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.listen({ host, port, reusePort });
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new GatewayError(
      "internal_error",
      listenProblem(cause, "the admin port", host, port, "admin.port"),
      { cause },
    );
  }
  // Listening on TCP, so the address is neither null nor a pipe's name.
  const bound = server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    async yieldToSuccessor() {
      if (!reusePort) return;
      server.close();
      if (await isTaken(bound)) return;
      server.listen({ host, port: bound.port, reusePort });
      await Promise.race([once(server, "listening"), once(server, "error")]);
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      const deadline = setTimeout(() => server.closeAllConnections(), longestGoodbyeMs);
      await closed;
      clearTimeout(deadline);
    },
  };
}

/** A port that nobody has can be had alone. */
async function isTaken({ address, port }: AddressInfo): Promise<boolean> {
  const probe = createNetServer().listen({ host: address, port, exclusive: true });
  try {
    await once(probe, "listening");
  } catch {
    return true;
  }
  const closed = once(probe, "close");
  probe.close();
  await closed;
  return false;
}
