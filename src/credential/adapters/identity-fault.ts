import { GatewayError } from "../../kernel/errors.ts";

/**
 * The identity SDK's faults as one sentence that says what to do. Its own error objects stop here: they carry
 * requests and answers, and an answer may hold a token.
 */
export function explainIdentityFault(fault: unknown, identity: string): GatewayError {
  const { status, text } = read(fault);
  return new GatewayError("credential_unavailable", `${identity}: ${advice(status, text)}`, {
    cause: new Error(text),
  });
}

function advice(status: number | undefined, text: string): string {
  if (/network_error|unreachable|ECONNREFUSED|ENOTFOUND|ECONNRESET|EHOSTUNREACH|ENETUNREACH/i.test(text))
    return "the identity endpoint cannot be reached, or something else answers there; does this host run in Azure with a managed identity, and does no firewall or proxy stand between?";
  if (/identity not found|no.*identity.*(assigned|found)/i.test(text) || status === 404)
    return "the host has no such identity; assign it to the host, or correct its id in the configuration";
  if (status === 400)
    return "the identity endpoint refuses the request; is the identity assigned to this host, and is the scope right?";
  if (status === 401 || status === 403)
    return "the identity endpoint forbids the request; may this host use the identity?";
  if (status === 429 || /too many requests|throttl/i.test(text))
    return "the identity endpoint throttles; it is asked again after a pause";
  if (status === 410) return "the identity endpoint is being updated; it is asked again after a pause";
  if (status !== undefined && status >= 500)
    return `the identity endpoint fails with status ${status}; it is asked again after a pause`;
  return "no token could be obtained";
}

/** The innermost HTTP status and the outermost text, with anything that looks like a token taken out. */
function read(fault: unknown): { status: number | undefined; text: string } {
  let status: number | undefined;
  for (let at: unknown = fault, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1)
    for (const key of ["status", "statusCode", "code"]) {
      const value: unknown = Reflect.get(at, key);
      if (typeof value === "number" && value >= 400 && value < 600) status = value;
    }
  const message = fault instanceof Error ? fault.message || fault.name : String(fault);
  status ??= Number(/status code: (\d{3})/i.exec(message)?.[1] ?? Number.NaN) || undefined;
  return { status, text: withoutTokens(message).slice(0, 500) };
}

/**
 * The SDK quotes an answer that it cannot parse, and that may be a good one that broke: the quotation goes. Elsewhere
 * a JWT (it begins with `{"` in base64url) and any other long run of base64url are taken out.
 */
const withoutTokens = (text: string): string =>
  text
    .replace(/(?:Http status message:|parsing the response body).*/s, "")
    .replace(/eyJ[\w-]{8,}(?:\.[\w-]*){0,4}|[\w-]{80,}/g, "[removed]");
