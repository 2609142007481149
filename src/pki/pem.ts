import { PkiError } from "./pki-error.ts";

/** The PEM labels that are read here (RFC 7468 sections 5 and 6). */
export type PemLabel = "CERTIFICATE" | "X509 CRL";

/** Where the decoded octets go; a caller may want them in memory of another kind. */
type Allocate = (length: number) => Uint8Array;
const inOwnMemory: Allocate = (length) => Buffer.alloc(length);

/**
 * The DER of every block with this label, in order. Text around blocks and blocks with other labels are ignored.
 * @throws PkiError on a block of this label that is damaged: half a trust file must not pass for a whole one.
 */
export const decodePem = (text: string, label: PemLabel): Uint8Array[] =>
  decodeBlocks(Buffer.from(text), label, inOwnMemory);

/**
 * The DER of every object in a file that is either DER (one object) or PEM (one or several).
 * @throws PkiError on a damaged block, or where the file holds no object of this label.
 */
export function decodePemOrDer(
  bytes: Uint8Array,
  label: PemLabel,
  allocate: Allocate = inOwnMemory,
): Uint8Array[] {
  if (bytes[0] === 0x30) return [bytes];
  const blocks = decodeBlocks(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), label, allocate);
  if (blocks.length === 0)
    throw new PkiError("malformed", `the file holds neither DER nor a PEM block "${label}"`);
  return blocks;
}

function decodeBlocks(file: Buffer, label: PemLabel, allocate: Allocate): Uint8Array[] {
  const begin = `-----BEGIN ${label}-----`;
  const end = Buffer.from(`-----END ${label}-----`);
  const blocks: Uint8Array[] = [];
  for (let at = file.indexOf(begin); at !== -1; at = file.indexOf(begin, at)) {
    const number = blocks.length + 1;
    const bodyStart = at + begin.length;
    const bodyEnd = file.indexOf("-----", bodyStart);
    if (bodyEnd === -1 || !file.subarray(bodyEnd, bodyEnd + end.length).equals(end))
      throw new PkiError("malformed", `PEM block ${number} (${label}) has no end line`);
    const decoded = decodeBase64(file.subarray(bodyStart, bodyEnd), allocate);
    if (decoded === undefined)
      throw new PkiError("malformed", `PEM block ${number} (${label}) is not base64`);
    blocks.push(decoded);
    at = bodyEnd + end.length;
  }
  return blocks;
}

const none = -1;
const space = -2;
const padding = -3;
/** What each octet means: a value of six bits, or one of the words above. */
const meanings = new Int8Array(256).fill(none);
const alphabet = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
for (const [value, octet] of alphabet.entries()) meanings[octet] = value;
for (const octet of Buffer.from(" \t\r\n")) meanings[octet] = space;
for (const octet of Buffer.from("=")) meanings[octet] = padding;

/**
 * Strict base64 (RFC 4648 section 4): Buffer would skip what it does not know, and so hide damage. Octet by octet,
 * since a CRL of a million entries as text would take half a gigabyte on the way.
 */
function decodeBase64(body: Uint8Array, allocate: Allocate): Uint8Array | undefined {
  const symbols = countSymbols(body);
  if (symbols === undefined) return undefined;
  const decoded = allocate(Math.floor((symbols * 3) / 4));
  let bits = 0;
  let bitCount = 0;
  let at = 0;
  for (let i = 0; i < body.length; i += 1) {
    const value = meanings[body[i] as number] as number;
    if (value < 0) continue;
    bits = ((bits << 6) | value) & 0xffff;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    decoded[at] = bits >> bitCount;
    at += 1;
  }
  // What is left over must be zero, or one block could be written in several ways.
  return (bits & ((1 << bitCount) - 1)) === 0 ? decoded : undefined;
}

/** How many symbols there are, rightly padded and nothing foreign among them; else undefined. */
function countSymbols(body: Uint8Array): number | undefined {
  let symbols = 0;
  let pads = 0;
  for (let i = 0; i < body.length; i += 1) {
    const meaning = meanings[body[i] as number] as number;
    if (meaning >= 0 && pads === 0) symbols += 1;
    else if (meaning === padding) pads += 1;
    else if (meaning !== space) return undefined;
  }
  return symbols > 0 && pads <= 2 && (symbols + pads) % 4 === 0 ? symbols : undefined;
}
