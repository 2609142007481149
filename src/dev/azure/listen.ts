import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Duplex } from "node:stream";

import { listenProblem } from "../../kernel/listen-problem.ts";
import { followConnections } from "./reset.ts";

/** PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Listening {
  readonly port: number;
  /** Ends the listener and every connection, idle or not. */
  readonly stop: () => Promise<void>;
}

export interface ListenOptions {
  /** For the error's sentence, e.g. `local Key Vault`. */
  readonly service: string;
  /** 0: any free port. */
  readonly port: number;
  /** Absent: plain http. */
  readonly tls?: TlsFiles;
  /** A throw is answered with a 500, or a cut connection once the head is out. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Absent: upgrades are served as plain requests. */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

const host = "127.0.0.1";

/**
 * Listens on loopback.
 * @throws Error naming the service and the port when it cannot.
 */
export async function listen({ service, port, tls, handle, upgrade }: ListenOptions): Promise<Listening> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) return response.destroy();
      const message = `${service}: ${error instanceof Error ? error.message : String(error)}`;
      return response
        .writeHead(500, { "content-type": "application/json" })
        .end(JSON.stringify({ error: { code: "InternalServerError", message } }));
    });
  };
  const server =
    tls === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: tls.cert, key: tls.key }, listener);
  if (upgrade !== undefined) server.on("upgrade", upgrade);
  followConnections(server);
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    throw new Error(listenProblem(error, `the ${service}'s port`, host, port, "port"), { cause: error });
  }
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error(`the ${service} has no port`);
  return {
    port: address.port,
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
