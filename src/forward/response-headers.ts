import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";
import { passedHeaders } from "./passed-headers.ts";

/**
 * Never sent to a client: what could show the gateway's own credential or tenant (`authorization`, `api-key`,
 * `www-authenticate`), and state that would be shared between clients (`set-cookie`).
 */
const withheld: ReadonlySet<string> = new Set([
  "alt-svc",
  "api-key",
  "authorization",
  "ocp-apim-subscription-key",
  "server",
  "set-cookie",
  "set-cookie2",
  "strict-transport-security",
  "www-authenticate",
  "x-powered-by",
]);

const isWithheld = (name: string): boolean =>
  withheld.has(name) || isHopByHop(name) || name.startsWith("x-certgate-");

const fromBackend = passedHeaders((name) => !isWithheld(name));

/**
 * Tells which headers of a backend's answer never reach a client: the above, hop-by-hop ones with those that the
 * backend's `Connection` names, and what only the gateway may say (`x-certgate-*`).
 * @param backend flat raw pairs
 * @returns a test of a lower-case name
 */
export function withheldFromClient(backend: readonly string[]): (name: string) => boolean {
  const hop = namedByConnection(backend);
  return (name) => isWithheld(name) || hop?.has(name) === true;
}

/**
 * A backend's answer headers as the client gets them: rate limits, request ids and retry hints pass, duplicates and
 * order kept.
 * @param backend flat raw pairs
 * @returns flat raw pairs
 */
export function responseHeaders(backend: readonly string[], requestId: string): string[] {
  const headers = fromBackend(backend);
  headers.push("x-certgate-request-id", requestId, "x-certgate-answered-by", "backend");
  return headers;
}
