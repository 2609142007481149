import { connect, type SecureContext, type TLSSocket } from "node:tls";
import { backendTls, hostOf, serverNameAt } from "../backend-tls.ts";
import { authorityOf, openTunnel } from "../open-tunnel.ts";
import { TookTooLong } from "../to-backend-fault.ts";
import type { WayToBackend } from "../way-to-backend.ts";

/** Milliseconds without traffic after which the system asks whether the backend is still there. */
const keepAliveInitialDelay = 60_000;

/** Bytes that may wait for the backend to take them: at Node's 64 KB an upload was stopped and started at every read. */
const room = { highWaterMark: 256 * 1024 };
/** Milliseconds for which sessions descend from one full handshake: who resumes is not shown a certificate. */
const longestDescent = 60 * 60_000;

/** Opens verified TLS connections to one backend; each resumes a session of one before it where the backend lets it. */
export class BackendConnector {
  readonly #options: WayToBackend;
  readonly #secureContext: SecureContext;
  /** `verifiedAt`: when the certificate was seen from which it descends; milliseconds, monotonic. */
  #session: { readonly bytes: Buffer; readonly verifiedAt: number } | undefined;

  /** @throws Error for a client certificate and a key that do not belong together */
  constructor(options: WayToBackend) {
    this.#options = options;
    this.#secureContext = backendTls(options);
  }

  /** @throws TookTooLong; Error when there is no connection, or no trusted one */
  async open(): Promise<TLSSocket> {
    const { origin, proxy, connectTimeoutMs } = this.#options;
    const below =
      proxy === undefined ? undefined : await openTunnel(proxy, authorityOf(origin), connectTimeoutMs);
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    const { port } = new URL(origin);
    const begunAt = performance.now();
    const session = this.#session;
    const isFresh = session !== undefined && begunAt - session.verifiedAt < longestDescent;
    const socket = connect({
      // The certificate must be this host's, unless it has to bear the name for SNI.
      host: hostOf(origin),
      servername: serverNameAt(origin, this.#options) ?? "",
      port: port === "" ? 443 : Number(port),
      ...(below === undefined ? {} : { socket: below }),
      ...(isFresh ? { session: session.bytes } : {}),
      secureContext: this.#secureContext,
      rejectUnauthorized: true,
      // Node hands it to the socket; its types do not know it.
      ...room,
      // Not HTTP/2, on purpose: raw headers stay raw, and one slow stream never holds up another on its connection.
      ALPNProtocols: ["http/1.1"],
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveInitialDelay);
    const timer = setTimeout(() => socket.destroy(new TookTooLong()), connectTimeoutMs);
    socket.on("session", (bytes) => {
      const isResumed = isFresh && socket.isSessionReused();
      this.#session = { bytes, verifiedAt: isResumed ? session.verifiedAt : begunAt };
    });
    const refused = (fault?: unknown) => {
      clearTimeout(timer);
      reject(fault instanceof Error ? fault : new Error("the connection ended in its handshake"));
    };
    socket.once("error", refused);
    socket.once("close", refused);
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      socket.off("close", refused);
      resolve(socket);
    });
    return promise;
  }
}
