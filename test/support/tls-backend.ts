import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";

/** Who came, and by which names he asked. */
export interface Arrival {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  /** Latin-1: a character a byte. */
  readonly body: string;
  readonly host: string | undefined;
  /** The name in SNI; undefined: none. */
  readonly serverName: string | undefined;
  /** The common name of the certificate that the gateway presented. */
  readonly clientName: string | undefined;
}

/** A backend that answers everything, and accepts every WebSocket: what counts is how it is reached. */
export interface TlsBackend {
  readonly port: number;
  readonly arrivals: Arrival[];
  /** Begins anew on the same port, with another certificate; whoever was connected is cut. */
  restart(tls: ServerOptions): Promise<void>;
  stop(): Promise<void>;
}

export async function startTlsBackend(tls: ServerOptions): Promise<TlsBackend> {
  const arrivals: Arrival[] = [];
  const webSockets = new WebSocketServer({ noServer: true });
  const arrived = (request: IncomingMessage, body: string) => {
    const socket = request.socket as TLSSocket;
    const { servername } = socket as { servername?: string | false };
    arrivals.push({
      method: request.method ?? "",
      url: request.url ?? "",
      rawHeaders: [...request.rawHeaders],
      body,
      host: request.headers.host,
      serverName: typeof servername === "string" ? servername : undefined,
      clientName: socket.getPeerCertificate().subject?.CN?.toString(),
    });
  };
  async function start(options: ServerOptions, port: number): Promise<Server> {
    const started = createServer(options, (request, response) => {
      const answer = async () => {
        arrived(request, (await buffer(request)).toString("latin1"));
        response.writeHead(200, { "content-type": "application/json" }).end('{"object":"chat.completion"}');
      };
      // Whoever breaks off need not be answered.
      answer().catch(() => response.destroy());
    });
    started.on("upgrade", (request, socket, head) => {
      arrived(request, "");
      webSockets.handleUpgrade(request, socket, head, (webSocket) => webSocket.on("error", () => {}));
    });
    started.listen(port, "127.0.0.1");
    await once(started, "listening");
    return started;
  }
  let server = await start(tls, 0);
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    for (const client of webSockets.clients) client.terminate();
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    port,
    arrivals,
    async restart(options) {
      await stop();
      server = await start(options, port);
    },
    stop,
  };
}
