import { createHash, hash } from "node:crypto";
import { parseCrl, reviveCrl } from "../pki/crl.ts";
import type { CrlEntryIndex } from "../pki/crl-entries.ts";
import { decodePemOrDer, decodePemOrDerFile } from "../pki/pem.ts";
import { PublicKey } from "../pki/public-key.ts";
import { fileOctets } from "./file-octets.ts";
import { allocateShared } from "./shared-bytes.ts";

/**
 * What takes time in proportion to a CRL's size. The same functions run in this thread for small CRLs and in a worker
 * for large ones, so they take and give plain memory only. Each throws PkiError where its input is at fault.
 */
export const crlWork = {
  /** The DER of each CRL in DER or PEM, in memory that every thread sees where it had to be decoded. */
  decode: (content: Uint8Array): Uint8Array[] => decodePemOrDer(content, "X509 CRL", allocateShared),

  /** The same of an open file, given its descriptor and size: its text is at no time in memory as a whole. */
  decodeFile: (descriptor: number, size: number): Uint8Array[] =>
    decodePemOrDerFile(fileOctets(descriptor, size), "X509 CRL", allocateShared),

  /** SHA-256, lower-case hexadecimal. */
  fingerprint: (der: Uint8Array): string => hash("sha256", der, "hex"),

  /** The same of an open file. */
  fingerprintFile(descriptor: number, size: number): string {
    const file = fileOctets(descriptor, size);
    const sum = createHash("sha256");
    for (let at = 0; at < size; at += pieceSize) sum.update(file.read(at, Math.min(at + pieceSize, size)));
    return sum.digest("hex");
  },

  /** Checks every entry and indexes it. */
  index: (der: Uint8Array): CrlEntryIndex | undefined => parseCrl(der).entryIndex,

  /** Whether the key (SubjectPublicKeyInfo, DER) signed the CRL. Entries are not looked at. */
  verify: (der: Uint8Array, key: Uint8Array): boolean =>
    reviveCrl(der, noEntries).isSignedBy(new PublicKey(key)),
} as const;

export type CrlWork = typeof crlWork;

const pieceSize = 256 * 1024;

const noEntries: CrlEntryIndex = { count: 0, slots: new Uint32Array(1), issuers: new Uint32Array(0) };
