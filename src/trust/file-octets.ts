import { readSync } from "node:fs";
import type { Octets } from "../pki/pem.ts";

/** What is read of a file at once, at least. */
const windowSize = 512 * 1024;

/** An open file, of which one piece is in memory. Reading waits for the disk, so it is not for the thread of requests. */
export function fileOctets(descriptor: number, length: number): Octets {
  let window = Buffer.alloc(0);
  let start = 0;
  return {
    length,
    read(from, to) {
      if (from < start || to > start + window.length) {
        const size = Math.min(Math.max(windowSize, to - from), length - from);
        if (window.length !== size) window = Buffer.allocUnsafeSlow(size);
        start = from;
        fill(descriptor, window, start);
      }
      return window.subarray(from - start, to - start);
    },
  };
}

function fill(descriptor: number, into: Buffer, from: number): void {
  for (let filled = 0; filled < into.length;) {
    const bytesRead = readSync(descriptor, into, filled, into.length - filled, from + filled);
    // It became shorter meanwhile: the rest would be of an earlier piece.
    if (bytesRead === 0) throw new Error("it changed while it was read");
    filled += bytesRead;
  }
}
