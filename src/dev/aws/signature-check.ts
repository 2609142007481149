import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import type { Keyring, KnownKey } from "./keyring.ts";

/**
 * Verifies AWS Signature Version 4, written from the documents ("Create a signed AWS API request", IAM User Guide) with
 * nothing but node:crypto, so that it shares no mistake with the library that signs.
 */

/** A request as it stood on the wire. */
export interface SignedRequest {
  readonly method: string;
  /** The raw request target. */
  readonly url: string;
  /** Names and values alternating. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}

/** An error as AWS names it. */
export interface AwsError {
  readonly status: number;
  readonly type: string;
  readonly message: string;
}

export type SignatureVerdict =
  | { readonly key: KnownKey; readonly region: string }
  | { readonly error: AwsError };

const refuse = (type: string, message: string, status = 403): SignatureVerdict => ({
  error: { status, type, message },
});

const authorizationPattern =
  /^AWS4-HMAC-SHA256 Credential=([A-Z0-9]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;

/** @param service the signing name, e.g. `bedrock` */
export function checkSignature(
  request: SignedRequest,
  { keyring, clock, service }: { readonly keyring: Keyring; readonly clock: Clock; readonly service: string },
): SignatureVerdict {
  const headers = readHeaders(request.rawHeaders);
  const authorizations = headers.get("authorization") ?? [];
  const [authorization] = authorizations;
  if (authorization === undefined)
    return refuse("MissingAuthenticationTokenException", "Missing Authentication Token");
  const parts = authorizations.length === 1 ? authorizationPattern.exec(authorization) : null;
  if (parts === null)
    return refuse("IncompleteSignatureException", "Authorization header is not well-formed.");
  const [, keyId = "", day = "", region = "", scopeService = "", signedList = "", signature = ""] = parts;
  const key = keyring.find(keyId);
  if (key === undefined)
    return refuse("UnrecognizedClientException", "The security token included in the request is invalid.");
  if (scopeService !== service)
    return refuse(
      "InvalidSignatureException",
      `Credential should be scoped to correct service: '${service}'.`,
    );

  const date = headers.get("x-amz-date")?.join(",") ?? "";
  const at = readDate(date);
  if (at === undefined || date.slice(0, 8) !== day)
    return refuse(
      "InvalidSignatureException",
      "Date in Credential scope does not match the date of the request.",
    );
  const ahead = at - clock.now();
  if (ahead > skew)
    return refuse(
      "InvalidSignatureException",
      `Signature not yet current: ${date} is still later than ${iso(clock)} (${iso(clock)} + 5 min.)`,
    );
  if (ahead < -skew)
    return refuse(
      "InvalidSignatureException",
      `Signature expired: ${date} is now earlier than ${iso(clock)} (${iso(clock)} - 5 min.)`,
    );

  const signed = signedList.split(";");
  const mustBeSigned = [...headers.keys()].filter((name) => name === "host" || name.startsWith("x-amz-"));
  if (!mustBeSigned.includes("host") || !mustBeSigned.every((name) => signed.includes(name)))
    return refuse("InvalidSignatureException", "host and every x-amz-* header must be signed.");
  if (signed.toSorted().join(";") !== signedList || !signed.every((name) => headers.has(name)))
    return refuse("InvalidSignatureException", "SignedHeaders is not sorted, or names what was not sent.");
  const payload = sha256(request.body);
  if ((headers.get("x-amz-content-sha256")?.join(",") ?? payload) !== payload)
    return refuse("InvalidSignatureException", "The x-amz-content-sha256 does not match the body.");

  const canonical = [
    request.method,
    canonicalPath(request.url),
    canonicalQuery(request.url),
    ...signed.map((name) => `${name}:${(headers.get(name) ?? []).map(trimAll).join(",")}`),
    "",
    signedList,
    payload,
  ].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", date, scope, sha256(Buffer.from(canonical, "utf8"))].join("\n");
  const signingKey = [day, region, service, "aws4_request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${key.secretAccessKey}`,
  );
  const expected = createHmac("sha256", signingKey).update(toSign).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, "hex")))
    return refuse(
      "InvalidSignatureException",
      "The request signature we calculated does not match the signature you provided.",
    );

  if (headers.get("x-amz-security-token")?.join(",") !== key.sessionToken)
    return refuse("UnrecognizedClientException", "The security token included in the request is invalid.");
  if (key.expiresAt !== undefined && clock.now() >= key.expiresAt)
    return refuse("ExpiredTokenException", "The security token included in the request is expired");
  return { key, region };
}

/** Five minutes either way. */
const skew = 5 * 60_000;
const iso = (clock: Clock): string => new Date(clock.now()).toISOString().replaceAll(/[-:]|\.\d{3}/g, "");

function readDate(text: string): number | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const [year = 0, month = 0, day, hour, minute, second] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function readHeaders(raw: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? "").toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), raw[at + 1] ?? ""]);
  }
  return headers;
}

const trimAll = (value: string): string => value.trim().replaceAll(/ +/g, " ");
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** "URI-encode every byte except the unreserved characters", byte by byte. */
function uriEncode(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9._~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The absolute path as it was sent, each segment encoded once more: so for every service but S3. */
function canonicalPath(url: string): string {
  const [path = ""] = url.split("?", 1);
  return path
    .split("/")
    .map((segment) => uriEncode(segment))
    .join("/");
}

function canonicalQuery(url: string): string {
  const mark = url.indexOf("?");
  if (mark === -1) return "";
  return url
    .slice(mark + 1)
    .split("&")
    .map((parameter) => {
      const [name = "", ...value] = parameter.split("=");
      return [uriEncode(decodeURIComponent(name)), uriEncode(decodeURIComponent(value.join("=")))] as const;
    })
    .toSorted(([a, x], [b, y]) => (a < b || (a === b && x < y) ? -1 : 1))
    .map((pair) => pair.join("="))
    .join("&");
}
