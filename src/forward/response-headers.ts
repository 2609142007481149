import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";

/**
 * Never sent to a client: what could show the gateway's own credential or tenant (`authorization`, `api-key`,
 * `www-authenticate`), state that would be shared between clients (`set-cookie`), and what only the gateway may say.
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
  "x-certgate-answered-by",
  "x-certgate-reason",
  "x-certgate-request-id",
  "x-powered-by",
]);

/** True for a header (lower case) of a backend's answer that never reaches a client. */
export const isWithheldFromClient = (name: string): boolean => withheld.has(name) || isHopByHop(name);

/**
 * A backend's answer headers as the client gets them: rate limits, request ids and retry hints pass, duplicates and
 * order kept.
 * @param backend flat raw pairs
 * @returns flat raw pairs
 */
export function responseHeaders(backend: readonly string[], requestId: string): string[] {
  const hop = namedByConnection(backend);
  const headers: string[] = [];
  for (let at = 0; at < backend.length; at += 2) {
    const name = (backend[at] as string).toLowerCase();
    if (isWithheldFromClient(name) || hop?.has(name)) continue;
    headers.push(name, backend[at + 1] as string);
  }
  headers.push("x-certgate-request-id", requestId, "x-certgate-answered-by", "backend");
  return headers;
}
