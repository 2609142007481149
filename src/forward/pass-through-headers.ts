import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";

/**
 * Never passed on by the pass-through lane: credentials of the client (the gateway sends its own), and headers by
 * which a client could pose as somebody else or ask for another resource than the one that was authorised.
 */
const withheld: ReadonlySet<string> = new Set([
  "api-key",
  "authorization",
  "client-cert",
  "client-cert-chain",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "ocp-apim-subscription-key",
  "remote-user",
  "true-client-ip",
  "via",
  "x-api-key",
  "x-arr-clientcert",
  "x-client-cert",
  "x-client-ip",
  "x-forwarded",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-host",
  "x-original-uri",
  "x-original-url",
  "x-real-ip",
  "x-remote-user",
  "x-rewrite-url",
]);

const withheldPrefixes = [
  "proxy-",
  "ssl-client-",
  "x-certgate-",
  "x-forwarded-",
  "x-ms-client-principal",
  "x-ms-token-",
  "x-ssl-",
];

/** They say where a body ends. The body is piped as it comes, so they go with it, whatever else is asked. */
const framing: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/**
 * A client that names a framing header in `Connection` asks for it to be dropped while the body still goes out: the
 * backend would take the body for the next request. No honest client does this.
 * @param client flat raw pairs
 */
export function namesFramingInConnection(client: readonly string[]): boolean {
  const hop = namedByConnection(client);
  return hop !== undefined && [...framing].some((name) => hop.has(name));
}

/**
 * The headers of a pass-through request: the client's, less what is withheld, plus ours.
 * An unknown backend needs unknown headers, so this lane is a deny-list, where the inference path is an allow-list.
 * @param client flat raw pairs as received
 * @param ours flat raw pairs that are added: credential, request id, client name
 * @param kind an `upgrade` keeps `Connection: Upgrade` and `Upgrade`, which a WebSocket needs, and has no body to frame
 * @returns lower-case names to values, the shape that `IncomingMessage.headers` has
 */
export function passThroughHeaders(
  client: readonly string[],
  ours: readonly string[],
  kind: "request" | "upgrade",
): Record<string, string | string[]> {
  const hop = namedByConnection(client);
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  const add = (name: string, value: string) => {
    const before = headers[name];
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  };
  for (let at = 0; at < client.length; at += 2) {
    const name = (client[at] as string).toLowerCase();
    if (framing.has(name) ? kind === "request" : isPassedOn(name, kind) && !isDropped(name, kind, hop))
      add(name, client[at + 1] as string);
  }
  if (kind === "upgrade") add("connection", "Upgrade");
  for (let at = 0; at < ours.length; at += 2) add(ours[at] as string, ours[at + 1] as string);
  return headers;
}

function isPassedOn(name: string, kind: "request" | "upgrade"): boolean {
  // CGI and WSGI read `x_certgate_client` and `x-certgate-client` as one header, so one with `_` could pose as ours.
  if (name.includes("_") || withheld.has(name)) return false;
  if (withheldPrefixes.some((prefix) => name.startsWith(prefix))) return false;
  return !isHopByHop(name) || (kind === "upgrade" && name === "upgrade");
}

const isDropped = (
  name: string,
  kind: "request" | "upgrade",
  hop: ReadonlySet<string> | undefined,
): boolean => hop?.has(name) === true && !(kind === "upgrade" && name === "upgrade");
