import { createHash, createHmac } from "node:crypto";
import type { SignAwsRequest } from "../aws-keys.ts";

/** node:crypto in the shape that the signer asks for. */
class Sha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash("sha256")
        : createHmac("sha256", typeof secret === "string" ? secret : bytesOf(secret));
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new TypeError("each hash is used once");
  }
}

/** The home of the signer, which is loaded with the first signature. */
export const signAwsRequest: SignAwsRequest = async (request, keys, { region, service, now }) => {
  const { SignatureV4 } = await import("@smithy/signature-v4");
  const { origin, method, path, headers, body } = request;
  if (body === "unseen") throw new TypeError("a body that was not seen cannot be signed");
  const { protocol, host } = new URL(origin);
  const { sessionToken } = keys;
  const signer = new SignatureV4({
    service,
    region,
    credentials: {
      accessKeyId: keys.accessKeyId,
      secretAccessKey: keys.secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
    sha256: Sha256,
    // The header tells the body's hash; and the path, as it is sent, is escaped once more, as all services but S3 do.
    applyChecksum: true,
    uriEscapePath: true,
  });
  const [pathOnly = "", query] = path.split("?", 2);
  const signed = await signer.sign(
    {
      method,
      protocol,
      hostname: host,
      path: pathOnly,
      query: queryOf(query),
      // No header is signed but these: what proxies may add or change would break the signature.
      headers: { host: valueOf(headers, "host") ?? host, ...contentTypeOf(headers) },
      ...(body === null ? {} : { body }),
    },
    { signingDate: new Date(now) },
  );
  return Object.entries(signed.headers)
    .filter(([name]) => name === "authorization" || name.startsWith("x-amz-"))
    .flat();
};

function contentTypeOf(headers: readonly string[]): Record<string, string> {
  const type = valueOf(headers, "content-type");
  return type === undefined ? {} : { "content-type": type };
}

/** @param headers flat pairs */
function valueOf(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < headers.length; at += 2)
    if (headers[at]?.toLowerCase() === name) return headers[at + 1];
  return undefined;
}

/** Decoded, because the signer encodes; a name that stands several times has all of its values. */
function queryOf(query: string | undefined): Record<string, string[]> {
  const values: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const parameter of query === undefined || query === "" ? [] : query.split("&")) {
    const [name = "", ...value] = parameter.split("=").map((part) => decodeURIComponent(part));
    (values[name] ??= []).push(value.join("="));
  }
  return { ...values };
}

const bytesOf = (data: ArrayBuffer | ArrayBufferView): Uint8Array =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
