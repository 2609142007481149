import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { getCACertificates } from "node:tls";
import { GatewayError } from "../../kernel/errors.ts";
import { type CrlReader, readCrlsHere } from "../crl-reader.ts";
import type { CrlSource } from "../ports.ts";
import { allocateShared } from "../shared-bytes.ts";
import { guardedLookup, refuseInsideAddress } from "./guarded-lookup.ts";
import { maxCrlBytes, readable } from "./file-crls.ts";

export interface HttpCrlOptions {
  /** Default 128 MiB. */
  readonly maxBytes?: number;
  /** Milliseconds for the whole download, redirects included. Default 30,000. */
  readonly timeoutMs?: number;
  /** PEM of a private CA for https URLs, beside the usual roots. */
  readonly ca?: string;
  /** Default: in this thread. */
  readonly reader?: CrlReader;
  /**
   * `public`: addresses of inside networks are refused, for URLs that certificates name. Default `anywhere`: for URLs
   * that the operator chose.
   */
  readonly reach?: "public" | "anywhere";
}

/** More than any real distribution point needs; fewer than a loop that somebody set up. */
const maxRedirects = 3;

/**
 * CRLs behind a URL: DER, or one or several PEM. A copy that has not changed is not downloaded again.
 *
 * http is fine for a CRL, because its signature protects it (RFC 5280 section 8). Redirects stay within http and
 * https and never go from https down to http; each is judged like the first URL.
 */
export function httpCrls(url: string, options: HttpCrlOptions = {}): CrlSource {
  const name = `url ${url}`;
  let held: { readonly validators: Validators; readonly crls: readonly Uint8Array[] } | undefined;
  return {
    name,
    async fetch(signal) {
      const { timeoutMs = 30_000 } = options;
      const inTime = AbortSignal.timeout(timeoutMs);
      const ending = AbortSignal.any([signal, inTime]);
      try {
        const answer = await download(new URL(url), held?.validators ?? {}, options, ending);
        if (answer === "unchanged" && held !== undefined) return held.crls;
        if (answer === "unchanged") throw new Error("it answers 304 to a request without conditions");
        const { reader = readCrlsHere } = options;
        const crls = await readable(name, reader.decode(answer.body));
        held = { validators: answer.validators, crls };
        return crls;
      } catch (fault) {
        if (signal.aborted) throw signal.reason;
        if (fault instanceof GatewayError) throw fault;
        const cause = inTime.aborted ? new Error(`no complete answer within ${timeoutMs} ms`) : fault;
        throw new GatewayError("revocation_unavailable", `${name} cannot be fetched`, { cause });
      }
    },
  };
}

/** RFC 9110 section 8.8. */
interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

interface Download {
  readonly body: Uint8Array;
  readonly validators: Validators;
}

async function download(
  from: URL,
  validators: Validators,
  options: HttpCrlOptions,
  signal: AbortSignal,
): Promise<Download | "unchanged"> {
  let url = from;
  for (let redirects = 0; ; redirects += 1) {
    const response = await get(url, validators, options, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode === 200)
      return { body: await collect(response, options), validators: validatorsOf(headers) };
    // Whatever body there is says nothing that is wanted here.
    response.destroy();
    if (statusCode === 304) return "unchanged";
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined)
      throw new Error(`the server answers with status ${statusCode}`);
    if (redirects === maxRedirects) throw new Error(`more than ${maxRedirects} redirects`);
    url = redirected(url, headers.location);
  }
}

function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  if (to === null) throw new Error("a redirect names no URL");
  const allowed = to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:");
  if (!allowed) throw new Error(`a redirect from ${from.protocol} to ${to.protocol} is not followed`);
  return to;
}

function get(
  url: URL,
  { etag, lastModified }: Validators,
  { ca, reach = "anywhere" }: HttpCrlOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  if (reach === "public") refuseInsideAddress(url);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const settings = {
    method: "GET",
    signal,
    // No shared agent: a proxy or a connection that somebody else opened would get past the lookup.
    ...(reach === "public" ? { agent: false, lookup: guardedLookup } : {}),
    headers: {
      // One download every few minutes: a kept connection would be dead by then.
      connection: "close",
      accept: "application/pkix-crl, */*",
      // Nothing here decompresses: a small answer must not grow into a large one.
      "accept-encoding": "identity",
      ...(etag === undefined ? {} : { "if-none-match": etag }),
      ...(lastModified === undefined ? {} : { "if-modified-since": lastModified }),
    },
  };
  const trusted = ca === undefined ? {} : { ca: [...getCACertificates("default"), ca] };
  const request =
    url.protocol === "https:"
      ? requestHttps(url, { ...settings, ...trusted }, resolve)
      : requestHttp(url, settings, resolve);
  request.once("error", reject);
  request.end();
  return promise;
}

async function collect(response: IncomingMessage, options: HttpCrlOptions): Promise<Uint8Array> {
  const { maxBytes = maxCrlBytes } = options;
  const announced = Number(response.headers["content-length"] ?? 0);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    if (announced > maxBytes) throw tooLarge(maxBytes);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } finally {
    response.destroy();
  }
  const body = allocateShared(bytes);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

const tooLarge = (maxBytes: number): Error => new Error(`it is larger than the limit of ${maxBytes} bytes`);

function validatorsOf(headers: IncomingMessage["headers"]): Validators {
  const { etag, "last-modified": lastModified } = headers;
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
}
