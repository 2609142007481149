import type { IncomingMessage } from "node:http";
import { Server as TlsServer } from "node:https";
import type { Server, Socket } from "node:net";

const tcpOf = new WeakMap<Socket, Socket>();

/** Remembers the TCP socket below each TLS socket: only that one can be reset. */
export function followConnections(server: Server): void {
  if (!(server instanceof TlsServer)) return;
  const byPort = new Map<number | undefined, Socket>();
  server.on("connection", (tcp: Socket) => {
    const port = tcp.remotePort;
    byPort.set(port, tcp);
    tcp.once("close", () => byPort.delete(port));
  });
  server.on("secureConnection", (tls) => {
    const tcp = byPort.get(tls.remotePort);
    if (tcp !== undefined) tcpOf.set(tls, tcp);
  });
}

/** Ends a request's connection with a TCP RST, so that the peer sees ECONNRESET and no orderly end. */
export function resetConnection({ socket }: IncomingMessage): void {
  const tcp = tcpOf.get(socket);
  if (tcp === undefined) {
    socket.resetAndDestroy();
    return;
  }
  tcp.resetAndDestroy();
  socket.destroy();
}
