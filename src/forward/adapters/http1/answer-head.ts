/** What a backend sent is no HTTP/1.1 answer to what it was asked. Where the next one would begin cannot be told. */
export class AnswerFault extends Error {
  override readonly name = "AnswerFault";
}

/** The head of an answer (RFC 9112 4, 5). */
export interface AnswerHead {
  readonly status: number;
  /** Of HTTP/1. */
  readonly minor: 0 | 1;
  /** Flat raw pairs as they came, duplicates kept. */
  readonly headers: readonly string[];
}

/** How the end of an answer is told (RFC 9112 6.3), and what becomes of its connection. */
export interface Framing {
  /** Bytes of its body; `chunked`, or until the connection ends. */
  readonly body: number | "chunked" | "until-close";
  readonly keepsAlive: boolean;
  /** Seconds for which the backend promises to keep the connection; undefined where it does not say. */
  readonly keepsAliveSeconds: number | undefined;
}

const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** No control characters but the tab: a lone CR or LF would be a line end to somebody else. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Thirteen digits are nine terabytes. */
const decimal = /^\d{1,13}$/;

/**
 * @param text of the head in Latin-1, without the empty line that ends it
 * @throws AnswerFault for everything that RFC 9112 does not allow to be sent, folded lines and bare line ends included
 */
export function readAnswerHead(text: string): AnswerHead {
  const end = text.indexOf("\r\n");
  const line = end < 0 ? text : text.slice(0, end);
  const match = statusLine.exec(line);
  if (match === null) throw new AnswerFault("no status line of HTTP/1");
  return {
    status: Number(match[2]),
    minor: match[1] === "1" ? 1 : 0,
    headers: end < 0 ? [] : readFields(text.slice(end + 2)),
  };
}

/**
 * Header or trailer fields.
 * @param text the lines, without the last line end
 * @returns flat raw pairs
 */
export function readFields(text: string): string[] {
  const pairs: string[] = [];
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = withoutPadding(line, colon + 1);
    if (!token.test(name) || !fieldValue.test(value)) throw new AnswerFault("a malformed header line");
    pairs.push(name, value);
  }
  return pairs;
}

/**
 * Spaces and tabs around a value are not part of it (RFC 9112 5.1). A tab behind it is refused all the same: there are
 * readers to which `chunked` with one is another word.
 */
function withoutPadding(line: string, from: number): string {
  let [start, end] = [from, line.length];
  while (start < end && isPadding(line.charCodeAt(start))) start += 1;
  while (end > start && line.charCodeAt(end - 1) === space) end -= 1;
  if (end > start && line.charCodeAt(end - 1) === tab) throw new AnswerFault("a tab behind a header");
  return line.slice(start, end);
}

const [space, tab] = [0x20, 0x09];
const isPadding = (code: number): boolean => code === space || code === tab;

/**
 * @param method of the request that is answered
 * @throws AnswerFault where the length could be read in more than one way: that is how one answer becomes two
 */
export function framingOf({ status, minor, headers }: AnswerHead, method: string): Framing {
  let length: number | undefined;
  let isChunked = false;
  let keepsAlive = minor === 1;
  let keepsAliveSeconds: number | undefined;
  for (let at = 0; at < headers.length; at += 2) {
    const value = headers[at + 1] as string;
    switch ((headers[at] as string).toLowerCase()) {
      case "content-length":
        if (length !== undefined || !decimal.test(value)) throw new AnswerFault("an unclear Content-Length");
        length = Number(value);
        break;
      case "transfer-encoding":
        if (isChunked || minor === 0 || value.toLowerCase() !== "chunked")
          throw new AnswerFault("an unknown Transfer-Encoding");
        isChunked = true;
        break;
      case "connection":
        if (/(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(value)) keepsAlive = false;
        break;
      case "keep-alive":
        keepsAliveSeconds = Number(/(?:^|[,; ])timeout=(\d{1,6})(?:\D|$)/i.exec(value)?.[1] ?? Number.NaN);
        break;
    }
  }
  if (isChunked && length !== undefined) throw new AnswerFault("both Content-Length and Transfer-Encoding");
  // Another reader might see its end elsewhere, or the end of the connection behind it.
  if (status < 200 && (isChunked || length !== undefined || !keepsAlive))
    throw new AnswerFault("a 1xx that is more than a head");
  const rest = {
    keepsAlive,
    keepsAliveSeconds: Number.isNaN(keepsAliveSeconds) ? undefined : keepsAliveSeconds,
  };
  if (status < 200) return { body: 0, ...rest };
  // It has no body, whatever it says of one. Should one come all the same, and late, nobody is to take it for an answer.
  if (method === "HEAD" || status === 204 || status === 304) return { body: 0, ...rest, keepsAlive: false };
  if (isChunked) return { body: "chunked", ...rest };
  return length === undefined
    ? { body: "until-close", ...rest, keepsAlive: false }
    : { body: length, ...rest };
}
