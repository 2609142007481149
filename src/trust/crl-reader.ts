import type { FileHandle } from "node:fs/promises";
import type { Clock } from "../kernel/clock.ts";
import { type Crl, parseCrl, reviveCrl } from "../pki/crl.ts";
import type { PublicKey } from "../pki/public-key.ts";
import { CrlThread, type CrlThreadOptions } from "./crl-thread.ts";
import { crlWork } from "./crl-work.ts";
import { allocateShared } from "./shared-bytes.ts";

/** Reads CRLs without holding up requests. Whatever it throws is a sentence about the input, or about its thread. */
export interface CrlReader {
  /** The DER of each CRL in DER or PEM. */
  decode(content: Uint8Array): Promise<readonly Uint8Array[]>;
  /** The same of an open file, from its beginning up to `size`. */
  decodeFile(file: FileHandle, size: number): Promise<readonly Uint8Array[]>;
  /** SHA-256, lower-case hexadecimal. */
  fingerprint(der: Uint8Array): Promise<string>;
  /** The same of an open file, from its beginning up to `size`. */
  fingerprintFile(file: FileHandle, size: number): Promise<string>;
  /** As `parseCrl`. */
  parse(der: Uint8Array): Promise<Crl>;
  /** Afterwards `crl.isSignedBy` costs nothing for these keys. */
  verify(crl: Crl, keys: readonly PublicKey[]): Promise<void>;
  stop(): void;
}

/** A CRL of this size takes about two milliseconds to read. */
const largeFrom = 256 * 1024;

/** In the caller's own thread. */
export const readCrlsHere: CrlReader = {
  decode: async (content) => crlWork.decode(content),
  decodeFile: async (file, size) => crlWork.decode(await contentOf(file, size)),
  fingerprint: async (der) => crlWork.fingerprint(der),
  fingerprintFile: async (file, size) => crlWork.fingerprint(await contentOf(file, size)),
  parse: async (der) => parseCrl(der),
  async verify(crl, keys) {
    for (const key of keys) crl.isSignedBy(key);
  },
  stop() {},
};

async function contentOf(file: FileHandle, size: number): Promise<Uint8Array> {
  const content = allocateShared(size);
  const { bytesRead } = await file.read(content, 0, size, 0);
  // What is cut off could be a whole CRL.
  if (bytesRead < size) throw new Error("it changed while it was read");
  return content;
}

/** Small CRLs in the caller's thread, since a message would cost more; large ones in a thread of their own. */
export function createCrlReader(
  options: CrlThreadOptions & {
    readonly clock: Clock;
    /** Bytes from which a CRL is large. Default 256 kB. */
    readonly largeFrom?: number;
  },
): CrlReader {
  const thread = new CrlThread(options);
  const isSmall = (bytes: number) => bytes < (options.largeFrom ?? largeFrom);
  return {
    decode: async (content) =>
      // Of DER, nothing is to be decoded.
      isSmall(content.length) || content[0] === 0x30
        ? crlWork.decode(content)
        : thread.run("decode", content),
    decodeFile: async (file, size) =>
      isSmall(size) ? readCrlsHere.decodeFile(file, size) : thread.run("decodeFile", file.fd, size),
    fingerprint: async (der) =>
      isSmall(der.length) ? crlWork.fingerprint(der) : thread.run("fingerprint", der),
    fingerprintFile: async (file, size) =>
      isSmall(size) ? readCrlsHere.fingerprintFile(file, size) : thread.run("fingerprintFile", file.fd, size),
    parse: async (der) =>
      isSmall(der.length) ? parseCrl(der) : reviveCrl(der, await thread.run("index", der)),
    async verify(crl, keys) {
      if (isSmall(crl.der.length)) return readCrlsHere.verify(crl, keys);
      for (const key of keys)
        if (crl.knownSignatureBy(key) === undefined)
          crl.noteSignature(key, await thread.run("verify", crl.der, key.der));
    },
    stop: () => thread.stop(),
  };
}
