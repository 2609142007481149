import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { hostOf } from "./backend-tls.ts";
import { TookTooLong } from "./to-backend-fault.ts";

/** What a proxy is asked for, to reach an origin: host and port, an IPv6 address in its brackets. */
export function authorityOf(origin: string): string {
  const { hostname, port } = new URL(origin);
  return `${hostname}:${port === "" ? "443" : port}`;
}

/**
 * Asks an HTTP proxy to CONNECT (RFC 9110 9.3.6). What goes through the tunnel is TLS: the proxy learns the backend's
 * host and port, and nothing else. Written here because what node:https has ready is made for its own requests, and all
 * lanes are to have one way and one time limit.
 * @param proxy `http://[user:password@]host[:port]` or https
 * @param authority as `authorityOf` writes it
 * @throws TookTooLong; Error when the proxy cannot be reached or refuses
 */
export function openTunnel(proxy: string, authority: string, timeoutMs: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const { protocol, port, username, password } = new URL(proxy);
  const asking: ClientRequest = (protocol === "https:" ? httpsRequest : httpRequest)({
    method: "CONNECT",
    host: hostOf(proxy),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
    path: authority,
    headers: { host: authority, ...authorization(username, password) },
    agent: false,
  });
  const timer = setTimeout(
    () => asking.destroy(new TookTooLong("the proxy took too long to connect")),
    timeoutMs,
  );
  asking.once("connect", (answer: IncomingMessage, socket: Socket, ahead: Buffer) => {
    clearTimeout(timer);
    const { statusCode = 0 } = answer;
    // A TLS server does not speak first: what stands behind the answer is no backend's.
    if (statusCode >= 200 && statusCode < 300 && ahead.length === 0) return resolve(socket);
    socket.on("error", () => {}).destroy();
    reject(new Error(`the proxy answered CONNECT with ${statusCode}`));
  });
  asking.once("error", (cause) => {
    clearTimeout(timer);
    reject(cause instanceof TookTooLong ? cause : new Error("the proxy cannot be reached", { cause }));
  });
  asking.end();
  return promise;
}

function authorization(username: string, password: string): Record<string, string> {
  if (username === "" && password === "") return {};
  const pair = `${plain(username)}:${plain(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** @param text percent-encoded; a stray `%`, as people write it in passwords, stands for itself */
function plain(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"),
  );
}
