import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { GatewayError } from "../kernel/errors.ts";

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
    throw new GatewayError("internal_error", listenProblem(cause, host, port), { cause });
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

function listenProblem(cause: unknown, host: string, port: number): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const address = `${host}:${port}`;
  if (code === "EADDRINUSE") return `the admin port ${address} is in use already; choose another admin.port`;
  if (code === "EACCES")
    return `the admin port ${address} may not be opened by this user; choose one above 1023`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return `the admin host ${host} is no address of this machine; see admin.host`;
  return `the admin server cannot listen on ${address}`;
}
