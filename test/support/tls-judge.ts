import { once } from "node:events";
import { type AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";

/** What OpenSSL, inside Node, says of a client's chain: `ok`, or its error code. */
export async function judgeClient(options: {
  /** PEM. */
  readonly roots: readonly string[];
  /** PEM; with any, every CA of the chain needs one. */
  readonly crls?: readonly string[];
  readonly server: { readonly chainPem: string; readonly keyPem: string };
  readonly client?: { readonly chainPem: string; readonly keyPem: string };
}): Promise<string> {
  const { roots, crls = [], server: own, client } = options;
  const server = createServer({
    cert: own.chainPem,
    key: own.keyPem,
    ca: [...roots],
    ...(crls.length === 0 ? {} : { crl: [...crls] }),
    requestCert: true,
    rejectUnauthorized: false,
  });
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "secureConnection") as Promise<[TLSSocket]>;
    const socket = connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      ca: [...roots],
      ...(client === undefined ? {} : { cert: client.chainPem, key: client.keyPem }),
    });
    await once(socket, "secureConnect");
    const [seen] = await accepted;
    const verdict = seen.authorized ? "ok" : String(seen.authorizationError);
    socket.destroy();
    return verdict;
  } finally {
    server.close();
  }
}
