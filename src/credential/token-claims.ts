/** What a person may see of an access token: never the token. */
export interface TokenClaims {
  readonly tenantId?: string;
  readonly audience?: string;
  readonly objectId?: string;
  readonly clientId?: string;
}

/**
 * The claims of a token of Entra's, for a report. A token belongs to whom it is for, and need not be a JWT: nothing is
 * decided by this, and nothing is verified.
 * @returns undefined where it is none
 */
export function readTokenClaims(token: string): TokenClaims | undefined {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof claims !== "object" || claims === null) return undefined;
  const text = (name: string): string | undefined => {
    const value: unknown = Reflect.get(claims, name);
    return typeof value === "string" && value.length <= 512 ? value : undefined;
  };
  const named = {
    tenantId: text("tid"),
    audience: text("aud"),
    objectId: text("oid"),
    clientId: text("appid") ?? text("azp"),
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
