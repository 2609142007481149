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

/** ES2026; the compiler's library does not list it yet. */
type Base64Target = Uint8Array & {
  setFromBase64(
    text: string,
    options: { readonly lastChunkHandling: "strict" | "stop-before-partial" },
  ): { readonly read: number; readonly written: number };
};

/** Octets that are decoded at once: a CRL of a million entries as one text would take a multiple of its size. */
const sliceSize = 256 * 1024;

/** Strict base64 (RFC 4648 section 4): Buffer would skip what it does not know, and so hide damage. */
function decodeBase64(body: Buffer, allocate: Allocate): Uint8Array | undefined {
  // The engine stops early in memory that is just large enough.
  const decoded = allocate(Math.floor((body.length * 3) / 4) + 3);
  let read = 0;
  let written = 0;
  while (read < body.length) {
    const end = Math.min(read + sliceSize, body.length);
    const text = body.toString("latin1", read, end);
    const step = decodeSlice(text, decoded.subarray(written), end === body.length);
    if (step === undefined || step.read === 0) return undefined;
    read += step.read;
    written += step.written;
    // Padding ends it: the engine sees to that within a slice.
    if (step.written % 3 !== 0 && !body.subarray(read).every(isSpace)) return undefined;
  }
  return written === 0 ? undefined : decoded.subarray(0, written);
}

function decodeSlice(text: string, into: Uint8Array, isLast: boolean) {
  // The one kind of space that the engine takes and PEM does not (RFC 7468 section 3).
  if (text.includes("\f")) return undefined;
  try {
    const lastChunkHandling = isLast ? "strict" : "stop-before-partial";
    return (into as Base64Target).setFromBase64(text, { lastChunkHandling });
  } catch (fault) {
    if (fault instanceof SyntaxError) return undefined;
    throw fault;
  }
}

const isSpace = (octet: number): boolean =>
  octet === 0x20 || octet === 0x09 || octet === 0x0d || octet === 0x0a;
