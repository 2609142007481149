import { PkiError } from "./pki-error.ts";

/** The PEM labels that are read here (RFC 7468 sections 5 and 6). */
export type PemLabel = "CERTIFICATE" | "X509 CRL";

/** Where the decoded octets go; a caller may want them in memory of another kind. */
type Allocate = (length: number) => Uint8Array;
const inOwnMemory: Allocate = (length) => Buffer.alloc(length);

/** The octets of a file, of which only a piece at a time need be in memory. */
export interface Octets {
  readonly length: number;
  /** Those from `from` up to `to`. They hold until the next call. */
  read(from: number, to: number): Buffer;
}

/**
 * The DER of every block with this label, in order. Text around blocks and blocks with other labels are ignored.
 * @throws PkiError on a block of this label that is damaged: half a trust file must not pass for a whole one.
 */
export const decodePem = (text: string, label: PemLabel): Uint8Array[] =>
  decodeBlocks(inMemory(Buffer.from(text)), label, inOwnMemory);

/**
 * The DER of every object in a file that is either DER (one object) or PEM (one or several).
 * @throws PkiError on a damaged block, or where the file holds no object of this label.
 */
export const decodePemOrDer = (bytes: Uint8Array, label: PemLabel, allocate = inOwnMemory): Uint8Array[] =>
  bytes[0] === firstOfDer ? [bytes] : decodeSomeBlocks(inMemory(bytes), label, allocate);

/** The same of a file that is read piece by piece: beside what comes out, hardly any memory is needed. */
export function decodePemOrDerFile(file: Octets, label: PemLabel, allocate: Allocate): Uint8Array[] {
  if (file.length === 0 || file.read(0, 1)[0] !== firstOfDer) return decodeSomeBlocks(file, label, allocate);
  const der = allocate(file.length);
  for (const [from, to] of pieces(0, file.length)) der.set(file.read(from, to), from);
  return [der];
}

/** The tag of SEQUENCE, as which every certificate and every CRL begins. */
const firstOfDer = 0x30;

function inMemory(bytes: Uint8Array): Octets {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return { length: all.length, read: (from, to) => all.subarray(from, to) };
}

function decodeSomeBlocks(file: Octets, label: PemLabel, allocate: Allocate): Uint8Array[] {
  const blocks = decodeBlocks(file, label, allocate);
  if (blocks.length === 0)
    throw new PkiError("malformed", `the file holds neither DER nor a PEM block "${label}"`);
  return blocks;
}

function decodeBlocks(file: Octets, label: PemLabel, allocate: Allocate): Uint8Array[] {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const blocks: Uint8Array[] = [];
  for (let at = find(file, begin, 0); at !== -1; at = find(file, begin, at)) {
    const number = blocks.length + 1;
    const bodyStart = at + begin.length;
    const bodyEnd = find(file, "-----", bodyStart);
    if (bodyEnd === -1 || textAt(file, bodyEnd, end.length) !== end)
      throw new PkiError("malformed", `PEM block ${number} (${label}) has no end line`);
    const decoded = decodeBase64(file, bodyStart, bodyEnd, allocate);
    if (decoded === undefined)
      throw new PkiError("malformed", `PEM block ${number} (${label}) is not base64`);
    blocks.push(decoded);
    at = bodyEnd + end.length;
  }
  return blocks;
}

/** Where the text stands first, from `from` on; -1: nowhere. */
function find(file: Octets, text: string, from: number): number {
  for (const [at, end] of pieces(from, file.length)) {
    // It may begin in one piece and end in the next.
    const found = file.read(at, Math.min(end + text.length - 1, file.length)).indexOf(text);
    if (found !== -1) return at + found;
  }
  return -1;
}

const textAt = (file: Octets, at: number, length: number): string =>
  file.read(at, Math.min(at + length, file.length)).toString("latin1");

/** ES2026; the compiler's library does not list it yet. */
type Base64Target = Uint8Array & {
  setFromBase64(
    text: string,
    options: { readonly lastChunkHandling: "strict" | "stop-before-partial" },
  ): { readonly read: number; readonly written: number };
};

/** Octets that are looked at at once: a CRL of a million entries as one text would take a multiple of its size. */
const pieceSize = 64 * 1024;

function* pieces(from: number, to: number): Generator<readonly [from: number, to: number]> {
  for (let at = from; at < to; at += pieceSize) yield [at, Math.min(at + pieceSize, to)];
}

/** Strict base64 (RFC 4648 section 4): Buffer would skip what it does not know, and so hide damage. */
function decodeBase64(file: Octets, from: number, to: number, allocate: Allocate): Uint8Array | undefined {
  // The engine stops early in memory that is just large enough.
  const decoded = allocate(Math.floor(((to - from) * 3) / 4) + 3);
  let read = from;
  let written = 0;
  while (read < to) {
    const end = Math.min(read + pieceSize, to);
    const step = decodePiece(file.read(read, end).toString("latin1"), decoded.subarray(written), end === to);
    // Padding ends it: the engine sees to that within a piece.
    if (step === undefined || step.read === 0 || (written % 3 !== 0 && step.written > 0)) return undefined;
    read += step.read;
    written += step.written;
  }
  return written === 0 ? undefined : decoded.subarray(0, written);
}

function decodePiece(text: string, into: Uint8Array, isLast: boolean) {
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
