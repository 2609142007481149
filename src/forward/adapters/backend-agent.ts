import type { ClientRequestArgs } from "node:http";
import { Agent } from "node:https";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { backendTls, serverNameAt } from "./backend-tls.ts";
import { authorityOf, openTunnel } from "./open-tunnel.ts";
import { TookTooLong } from "./to-backend-fault.ts";
import type { WayToBackend } from "./way-to-backend.ts";

type Created = (fault: Error | null, socket: Duplex) => void;

/** Connections of `node:https` to one backend, for the lanes that are built on it. */
export class BackendAgent extends Agent {
  readonly #proxy: string | undefined;
  readonly #authority: string;
  readonly #timeoutMs: number;

  /** @param pooling whether connections are kept, and how many there are at most */
  constructor(options: WayToBackend, pooling: { readonly keepAlive: boolean; readonly maxSockets?: number }) {
    super({
      ...pooling,
      secureContext: backendTls(options),
      rejectUnauthorized: true,
      ALPNProtocols: ["http/1.1"],
      // Who resumes a session is not shown a certificate, and Node's cache lets each session descend from the last, for ever.
      maxCachedSessions: 0,
      // Never left out: node would take it from the `Host` header, and what is said to a server must not decide which it is.
      servername: serverNameAt(options.origin, options) ?? "",
    });
    this.#proxy = options.proxy;
    this.#authority = authorityOf(options.origin);
    this.#timeoutMs = options.connectTimeoutMs;
  }

  override createConnection(options: ClientRequestArgs, created?: Created): Duplex | undefined {
    if (this.#proxy === undefined) return this.#secure(options);
    void this.#tunnel(this.#proxy, options, created);
    return undefined;
  }

  async #tunnel(proxy: string, options: ClientRequestArgs, created: Created | undefined): Promise<void> {
    let secure: TLSSocket;
    try {
      const socket = await openTunnel(proxy, this.#authority, this.#timeoutMs);
      secure = this.#secure({ ...options, socket } as ClientRequestArgs);
    } catch (fault) {
      // The type does not know that there is no socket then; the caller looks at the fault first.
      return created?.(fault as Error, undefined as unknown as Duplex);
    }
    created?.(null, secure);
  }

  #secure(options: ClientRequestArgs): TLSSocket {
    const socket = super.createConnection(options) as TLSSocket;
    const timer = setTimeout(() => socket.destroy(new TookTooLong()), this.#timeoutMs);
    const settled = () => clearTimeout(timer);
    socket.once("secureConnect", settled);
    socket.once("close", settled);
    return socket;
  }
}
