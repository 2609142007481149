import { constants, type KeyObject, verify } from "node:crypto";

/** A signed JWT (RFC 7519 in the compact form of RFC 7515), taken apart and not believed yet. */
export interface JsonWebToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** @returns undefined where it is none */
export function readJsonWebToken(text: string): JsonWebToken | undefined {
  const [header, claims, signature, ...rest] = text.split(".");
  if (header === undefined || claims === undefined || signature === undefined || rest.length > 0)
    return undefined;
  try {
    return {
      header: object(header),
      claims: object(claims),
      signed: Buffer.from(`${header}.${claims}`),
      signature: Buffer.from(signature, "base64url"),
    };
  } catch {
    return undefined;
  }
}

function object(part: string): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
  if (typeof value !== "object" || value === null) throw new Error("no object");
  return value as Record<string, unknown>;
}

/** Whether the key signed it, by the algorithms that MSAL and Kubernetes use (RFC 7518 3). */
export function isSignedBy({ header, signed, signature }: JsonWebToken, key: KeyObject): boolean {
  switch (header["alg"]) {
    case "RS256":
      return verify("sha256", signed, key, signature);
    case "PS256":
      return verify(
        "sha256",
        signed,
        { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
        signature,
      );
    case "ES256":
      return verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
    default:
      return false;
  }
}
