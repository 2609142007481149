import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

/** An HTTP proxy that does nothing but CONNECT, and keeps all that it can see. */
export interface ConnectProxy {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** What it was asked to connect to: `host:port`. */
  readonly asked: string[];
  /** `proxy-authorization` of each of them. */
  readonly authorizations: (string | undefined)[];
  /** Whatever else it was asked: a request that a proxy of HTTP would read. */
  readonly requests: string[];
  /** Every byte that passed, in both directions. */
  passed(): Buffer;
  /** The loopback's port behind a name that only this proxy can resolve. */
  readonly names: Map<string, number>;
  /** How it answers CONNECT instead of connecting: a status, or never. */
  fault: number | "hang" | undefined;
  stop(): Promise<void>;
}

export async function startConnectProxy(): Promise<ConnectProxy> {
  const passed: Buffer[] = [];
  const open = new Set<Duplex>();
  const server = createServer((request, response) => {
    proxy.requests.push(`${request.method} ${request.url}`);
    response.writeHead(500).end();
  });
  server.on("connect", (request: IncomingMessage, client: Duplex, head: Buffer) => {
    keep(client);
    const authority = request.url ?? "";
    proxy.asked.push(authority);
    proxy.authorizations.push(request.headers["proxy-authorization"]);
    if (proxy.fault === "hang") return;
    if (proxy.fault !== undefined) return void client.end(`HTTP/1.1 ${proxy.fault} No\r\n\r\n`);
    const [, host = "", port] = /^(.*):(\d+)$/.exec(authority) ?? [];
    const known = proxy.names.get(host);
    const backend: Socket = connect({ host: "127.0.0.1", port: known ?? Number(port) });
    keep(backend);
    backend.once("connect", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      if (head.length > 0) client.unshift(head);
      for (const [from, to] of [
        [client, backend],
        [backend, client],
      ] as const) {
        from.on("data", (chunk: Buffer) => passed.push(chunk));
        from.pipe(to);
      }
    });
    client.once("close", () => backend.destroy());
    backend.once("close", () => client.destroy());
  });
  const keep = (socket: Duplex) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: ConnectProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    authorizations: [],
    requests: [],
    passed: () => Buffer.concat(passed),
    names: new Map(),
    fault: undefined,
    async stop() {
      for (const socket of open) socket.destroy();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return proxy;
}
