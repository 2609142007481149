/** By type of an event stream's header, the bytes of its value: a number, or the width of the length before it. */
const valueLengths: readonly (number | "prefixed")[] = [
  0, // true
  0, // false
  1, // byte
  2, // short
  4, // integer
  8, // long
  "prefixed", // bytes
  "prefixed", // string
  8, // timestamp
  16, // uuid
];
const stringType = 7;

/**
 * Reads the headers of one message of an AWS event stream: a name with its length in one byte, a type, and a value.
 * @returns those that are strings, or undefined where the bytes are no headers
 */
export function readEventHeaders(bytes: Buffer): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const nameEnd = at + 1 + (bytes[at] ?? 0);
    const type = bytes[nameEnd];
    const length = type === undefined ? undefined : valueLengths[type];
    if (nameEnd === at + 1 || length === undefined) return undefined;
    let start = nameEnd + 1;
    let end = start;
    if (length === "prefixed") {
      if (start + 2 > bytes.length) return undefined;
      end = start + 2 + bytes.readUInt16BE(start);
      start += 2;
    } else end += length;
    if (end > bytes.length) return undefined;
    if (type === stringType)
      headers.set(bytes.toString("utf8", at + 1, nameEnd), bytes.toString("utf8", start, end));
    at = end;
  }
  return headers;
}
