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

const statusLine = /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n|$)/;
/** Thirteen digits are nine terabytes. */
const decimal = /^\d{1,13}$/;

/** What each byte may stand in. A value has no control characters but the tab: a lone CR or LF would be a line end to somebody else. */
const [inName, inValue] = [1, 2];
const places = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  const isInName = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character);
  return (isInName ? inName : 0) | (/[\t\x20-\x7e\x80-\xff]/.test(character) ? inValue : 0);
});

const [cr, lf, space, tab, colon] = [0x0d, 0x0a, 0x20, 0x09, 0x3a];

/**
 * @param bytes hold the head from `from` to `to`, without the empty line that ends it
 * @throws AnswerFault for everything that RFC 9112 does not allow to be sent, folded lines and bare line ends included
 */
export function readAnswerHead(bytes: Buffer, from: number, to: number): AnswerHead {
  const text = bytes.toString("latin1", from, to);
  if (!statusLine.test(text)) throw new AnswerFault("no status line of HTTP/1");
  const end = text.indexOf("\r\n");
  return {
    status: Number(text.slice(9, 12)),
    minor: text.charAt(7) === "1" ? 1 : 0,
    headers: end < 0 ? [] : readFields(bytes, from, text, end + 2),
  };
}

/**
 * Header or trailer fields.
 * @param bytes of the lines, without the last line end, from `from`: looked at one by one they cost half of what characters do
 * @param text the same in Latin-1
 * @param first where the first line begins in it
 * @returns flat raw pairs
 */
export function readFields(bytes: Uint8Array, from: number, text: string, first: number): string[] {
  const pairs: string[] = [];
  const to = from + text.length;
  for (let at = from + first; ;) {
    const nameEnd = endOf(inName, bytes, at, to);
    if (nameEnd === at || nameEnd === to || bytes[nameEnd] !== colon)
      throw new AnswerFault("a malformed header line");
    let start = nameEnd + 1;
    while (start < to && (bytes[start] === space || bytes[start] === tab)) start += 1;
    const end = endOf(inValue, bytes, start, to);
    pairs.push(
      text.slice(at - from, nameEnd - from),
      text.slice(start - from, valueEnd(bytes, start, end) - from),
    );
    if (end === to) return pairs;
    if (bytes[end] !== cr || end + 1 === to || bytes[end + 1] !== lf)
      throw new AnswerFault("a malformed header line");
    at = end + 2;
  }
}

function endOf(place: number, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && ((places[bytes[at] as number] as number) & place) !== 0) at += 1;
  return at;
}

/**
 * Spaces and tabs around a value are not part of it (RFC 9112 5.1). A tab behind it is refused all the same: there are
 * readers to which `chunked` with one is another word.
 */
function valueEnd(bytes: Uint8Array, start: number, end: number): number {
  let last = end;
  while (last > start && bytes[last - 1] === space) last -= 1;
  if (last > start && bytes[last - 1] === tab) throw new AnswerFault("a tab behind a header");
  return last;
}

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
    const [name, value] = [headers[at] as string, headers[at + 1] as string];
    // Most names are told from these by their length.
    if (!isAsLongAsOne(name.length)) continue;
    switch (name.toLowerCase()) {
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
        if (value !== "keep-alive" && /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(value)) keepsAlive = false;
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
  // It has no body, whatever it says of one. Should one come all the same, and late, nobody is to take it for an answer.
  const isBare = status < 200 || method === "HEAD" || status === 204 || status === 304;
  const body = isBare ? 0 : isChunked ? "chunked" : (length ?? "until-close");
  return {
    body,
    keepsAlive: keepsAlive && !isBare && body !== "until-close",
    keepsAliveSeconds: Number.isNaN(keepsAliveSeconds) ? undefined : keepsAliveSeconds,
  };
}

/** Of `connection` and `keep-alive`, `content-length`, `transfer-encoding`. */
const isAsLongAsOne = (length: number): boolean => length === 10 || length === 14 || length === 17;
