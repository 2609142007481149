/** Headers that belong to one connection only (RFC 9110 7.6.1, with the ones that old proxies still send). */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const connection = "connection";

export const isHopByHop = (name: string): boolean => hopByHop.has(name);

/**
 * Names that a `Connection` header declares to be hop-by-hop, lower case.
 * @param headers flat raw pairs
 */
export function namedByConnection(headers: readonly string[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let at = 0; at < headers.length; at += 2) {
    const header = headers[at] as string;
    if (header.length !== connection.length || header.toLowerCase() !== connection) continue;
    const value = headers[at + 1] ?? "";
    if (value === "keep-alive" || value === "close") continue;
    for (const token of value.split(",")) {
      const name = token.trim().toLowerCase();
      if (name !== "keep-alive" && name !== "close" && name !== "") (named ??= new Set()).add(name);
    }
  }
  return named;
}
