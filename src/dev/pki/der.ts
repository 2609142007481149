/**
 * A writer of DER (X.690 10): enough to sign CRLs, to fill a PKCS#12 and to give tests exact bytes. It writes what
 * it is told, also what no standard allows.
 */
export type Der = Buffer;

/** One element: tag octet, minimal length, content. */
export const tlv = (tag: number, ...content: readonly Uint8Array[]): Der => element(tag, content);

/** As {@link sequence}, for lists too long to be an argument list. */
export const sequenceOf = (content: readonly Uint8Array[]): Der => element(0x30, content);

export const sequence = (...content: readonly Uint8Array[]): Der => element(0x30, content);
export const set = (...content: readonly Uint8Array[]): Der => tlv(0x31, ...content);
export const octetString = (content: Uint8Array): Der => tlv(0x04, content);
export const bitString = (content: Uint8Array): Der => tlv(0x03, Buffer.of(0), content);
export const enumerated = (value: number): Der => tlv(0x0a, Buffer.of(value));
export const derNull: Der = Buffer.of(0x05, 0x00);
export const derTrue: Der = Buffer.of(0x01, 0x01, 0xff);
/** `[n] EXPLICIT`. */
export const explicit = (n: number, content: Uint8Array): Der => tlv(0xa0 + n, content);

/** A non-negative INTEGER from a number, or from big-endian hexadecimal. */
export function integer(value: number | string): Der {
  const text = typeof value === "number" ? value.toString(16) : value;
  if (!/^[0-9a-fA-F]+$/.test(text)) throw new TypeError(`not a non-negative integer: ${value}`);
  const significant = text.replace(/^0+(?=.)/, "");
  const bytes = Buffer.from(significant.padStart(significant.length + (significant.length % 2), "0"), "hex");
  return tlv(0x02, ...((bytes[0] ?? 0) > 0x7f ? [Buffer.of(0), bytes] : [bytes]));
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** A Time: UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5). Fractions of a second are cut. */
export function time(at: Date): Der {
  const digits = `${at.toISOString().replace(/\D/g, "").slice(0, 14)}Z`;
  const year = at.getUTCFullYear();
  return year >= 1950 && year < 2050
    ? tlv(0x17, Buffer.from(digits.slice(2), "latin1"))
    : tlv(0x18, Buffer.from(digits, "latin1"));
}

function element(tag: number, content: readonly Uint8Array[]): Der {
  const size = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.of(tag), lengthOctets(size), Buffer.concat(content)]);
}

function lengthOctets(size: number): Buffer {
  if (size < 0x80) return Buffer.of(size);
  const hex = size.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}

function base128(value: number): number[] {
  const octets = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    octets.unshift(0x80 | (rest % 128));
  return octets;
}
