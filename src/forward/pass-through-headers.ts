import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";

/**
 * Never passed on by the pass-through lane: credentials of the client (the gateway sends its own), and headers by
 * which a client could pose as somebody else or ask for another resource than the one that was authorised.
 */
const withheld: ReadonlySet<string> = new Set([
  "api-key",
  "authorization",
  "cookie",
  "expect",
  "forwarded",
  "ocp-apim-subscription-key",
  "via",
  "x-api-key",
  "x-arr-clientcert",
  "x-client-cert",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-host",
  "x-original-url",
  "x-real-ip",
  "x-rewrite-url",
  "x-ssl-client-cert",
]);

const withheldPrefixes = ["x-forwarded-", "x-ms-client-principal", "x-certgate-", "proxy-", "ssl-client-"];

/**
 * The headers of a pass-through request: the client's, less what is withheld, plus ours.
 * An unknown backend needs unknown headers, so this lane is a deny-list, where the inference path is an allow-list.
 * @param client flat raw pairs as received
 * @param ours flat raw pairs that are added: credential, request id, client name
 * @param upgrade keeps `Connection: Upgrade` and `Upgrade`, which a WebSocket needs
 * @returns lower-case names to values, the shape that `IncomingMessage.headers` has
 */
export function passThroughHeaders(
  client: readonly string[],
  ours: readonly string[],
  upgrade: boolean,
): Record<string, string | string[]> {
  const hop = namedByConnection(client);
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  const add = (name: string, value: string) => {
    const before = headers[name];
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  };
  for (let at = 0; at < client.length; at += 2) {
    const name = (client[at] as string).toLowerCase();
    if (name === "host" || withheld.has(name) || withheldPrefixes.some((prefix) => name.startsWith(prefix)))
      continue;
    // Framing stays: the body is piped as it comes, and Node's parser has already refused an ambiguous one.
    if (isHopByHop(name) && name !== "transfer-encoding" && !(upgrade && name === "upgrade")) continue;
    if (hop?.has(name) && !(upgrade && name === "upgrade")) continue;
    add(name, client[at + 1] as string);
  }
  if (upgrade) add("connection", "Upgrade");
  for (let at = 0; at < ours.length; at += 2) add(ours[at] as string, ours[at + 1] as string);
  return headers;
}
