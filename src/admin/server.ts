import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { GatewayError } from "../kernel/errors.ts";
import { listenProblem } from "../kernel/listen-problem.ts";

export interface AdminServerOptions {
  readonly host: string;
  /** 0 lets the system choose; the answer tells which. */
  readonly port: number;
  readonly app: RequestListener;
}

export interface AdminServer {
  readonly host: string;
  /** The port that it really listens on. */
  readonly port: number;
  /** Stops listening, lets answers under way end for up to a second, and closes every connection. */
  stop(): Promise<void>;
}

/** An admin answer takes milliseconds; whoever is still connected after this only keeps the process from ending. */
const longestGoodbyeMs = 1000;

/**
 * Starts the admin app on its own port, in plain HTTP: it belongs on loopback or on a network for operators.
 * @throws GatewayError with a sentence for the operator when the address cannot be had.
 */
export async function startAdminServer({ host, port, app }: AdminServerOptions): Promise<AdminServer> {
  const server = createServer(app);
  server.on("request", (_request, response) => {
    // While stopping, a connection that was kept alive must go as soon as its answer is out.
    response.once("close", () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.listen(port, host);
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
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      const deadline = setTimeout(() => server.closeAllConnections(), longestGoodbyeMs);
      await closed;
      clearTimeout(deadline);
    },
  };
}
