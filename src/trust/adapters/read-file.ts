import { type FileHandle, open } from "node:fs/promises";
import type { ErrorCode } from "../../kernel/error-catalogue.ts";
import { GatewayError } from "../../kernel/errors.ts";
import { allocateShared } from "../shared-bytes.ts";

export interface FileLimits {
  /** Bytes; a larger file is refused before it is read. */
  readonly maxBytes: number;
  /** What a failure is called. */
  readonly code: Extract<ErrorCode, "trust_unavailable" | "revocation_unavailable">;
}

/**
 * A whole file, read anew at each call.
 * @throws GatewayError with the path and the system's reason
 */
export const readWholeFile = (path: string, limits: FileLimits, signal: AbortSignal): Promise<Buffer> =>
  withFile(path, limits, (file) => file.readFile({ signal }));

/**
 * The same in memory that every thread sees, for files that another thread reads on.
 * @throws GatewayError with the path and the system's reason
 */
export const readSharedFile = (path: string, limits: FileLimits, signal: AbortSignal): Promise<Uint8Array> =>
  withFile(path, limits, async (file, size) => {
    const bytes = allocateShared(size);
    for (let at = 0; at < size;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(bytes, at, Math.min(size - at, 4 * 1024 * 1024), at);
      // It became shorter meanwhile: the rest would be zeros.
      if (bytesRead === 0) throw new Error("it changed while it was read");
      at += bytesRead;
    }
    return bytes;
  });

async function withFile<T>(
  path: string,
  { maxBytes, code }: FileLimits,
  read: (file: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > maxBytes) throw new Error(`it has ${size} bytes; the limit is ${maxBytes}`);
    return await read(file, size);
  } catch (fault) {
    throw new GatewayError(code, `file ${path} cannot be read`, { cause: fault });
  }
}
