import type { OutboundRequest } from "../../../model/outbound-request.ts";

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const target = /^\/[\x21-\x7e]*$/;
const unsafe = /[^\t\x20-\x7e\x80-\xff]/;

/** What only the connection itself says: how long the body is, whom it is for, what becomes of the connection. */
const own: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** How the line of each name that was found good begins, and a long value that was: a token is the same for thousands of requests. */
const beginnings = new Map<string, string>();
const mostNames = 1000;
const longestKept = 64;
let goodValue = "";
const longValue = 256;

/** Methods whose requests have a length even where they have no body (RFC 9110 8.6). */
const saysLength: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * The head of a request, to be sent as Latin-1. Everything in it was checked where it came from; here it is checked again
 * that it can be no line of its own.
 * @param length of the body in bytes; `undefined` where it comes in chunks; `none` where there is none
 * @throws Error
 */
export function requestHead(
  { method, path, headers }: Pick<OutboundRequest, "method" | "path" | "headers">,
  host: string,
  length: number | "none" | undefined,
): string {
  if (!token.test(method) || !target.test(path)) throw new Error("a method or a path that cannot be sent");
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive`;
  for (let at = 0; at < headers.length; at += 2) {
    const [name, value] = [headers[at] as string, headers[at + 1] as string];
    const beginning = beginnings.get(name) ?? beginningOf(name);
    if (beginning === undefined || !isGoodValue(value))
      throw new Error(`a header that cannot be sent: ${JSON.stringify(name)}`);
    text += beginning + value;
  }
  if (length === undefined) return `${text}\r\ntransfer-encoding: chunked\r\n\r\n`;
  if (length !== "none") return `${text}\r\ncontent-length: ${length}\r\n\r\n`;
  return saysLength.has(method) ? `${text}\r\ncontent-length: 0\r\n\r\n` : `${text}\r\n\r\n`;
}

function beginningOf(name: string): string | undefined {
  if (!token.test(name) || own.has(name.toLowerCase())) return undefined;
  const beginning = `\r\n${name}: `;
  if (beginnings.size < mostNames && name.length <= longestKept) beginnings.set(name, beginning);
  return beginning;
}

function isGoodValue(value: string): boolean {
  if (value === goodValue) return true;
  if (unsafe.test(value)) return false;
  if (value.length >= longValue) goodValue = value;
  return true;
}
