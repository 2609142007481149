import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { maximumOcspResponseSize } from "../../pki/ocsp-response.ts";
import type { OcspTransport } from "../ocsp/ocsp-transport.ts";
import { guardedLookup, refuseInsideAddress } from "./guarded-lookup.ts";

export interface HttpOcspOptions {
  /**
   * `public`: addresses of inside networks are refused, for URLs that certificates name. `anywhere`: for a URL that the
   * operator chose, or where the operator allows it.
   */
  readonly reach: "public" | "anywhere";
}

/**
 * OCSP over HTTP (RFC 6960 appendix A.1), always by POST: a nonce makes each request another, so a cache that
 * GET would profit from has nothing. http is fine, because the answer is signed. Redirects are not followed.
 */
export function httpOcsp({ reach }: HttpOcspOptions): OcspTransport {
  return {
    async post(text, body, signal) {
      const url = new URL(text);
      if (reach === "public") refuseInsideAddress(url);
      const response = await send(url, body, reach, signal);
      try {
        if (response.statusCode !== 200)
          throw new Error(`the responder answers with status ${response.statusCode}`);
        return await collect(response);
      } finally {
        response.destroy();
      }
    },
  };
}

function send(
  url: URL,
  body: Uint8Array,
  reach: HttpOcspOptions["reach"],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(
    url,
    {
      method: "POST",
      signal,
      // No shared agent: a proxy or a connection that somebody else opened would get past the lookup.
      agent: false,
      ...(reach === "public" ? { lookup: guardedLookup } : {}),
      headers: {
        "content-type": "application/ocsp-request",
        "content-length": body.length,
        accept: "application/ocsp-response",
        "accept-encoding": "identity",
        connection: "close",
      },
    },
    resolve,
  );
  request.once("error", reject);
  request.end(body);
  return promise;
}

async function collect(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maximumOcspResponseSize)
      throw new Error(`the answer is larger than ${maximumOcspResponseSize} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}
