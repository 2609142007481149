import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";

/** A TLS backend that parses nothing: it keeps the very bytes of each connection and answers as it is told. */
export interface RawBackend {
  readonly url: string;
  /** What arrived, a string a connection. */
  readonly received: readonly string[];
  /** What to write when the first bytes of a connection, and any later ones, arrive. `undefined`: nothing. */
  answer: string | undefined;
  /** The next connection. */
  next(): Promise<TLSSocket>;
  stop(): void;
}

export async function startRawBackend(pki: {
  readonly server: { readonly chainPem: string; readonly keyPem: string };
}): Promise<RawBackend> {
  const received: string[] = [];
  const open = new Set<TLSSocket>();
  const server = createServer({ cert: pki.server.chainPem, key: pki.server.keyPem }, (socket) => {
    const index = received.push("") - 1;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      received[index] += chunk.toString("latin1");
      if (backend.answer !== undefined) socket.write(backend.answer);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const backend: RawBackend = {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    received,
    answer: undefined,
    async next() {
      const [socket] = (await once(server, "secureConnection")) as [TLSSocket];
      return socket;
    },
    stop() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
  return backend;
}
