import { type FileHandle, open } from "node:fs/promises";
import type { ErrorCode } from "../../kernel/error-catalogue.ts";
import { GatewayError } from "../../kernel/errors.ts";

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
 * What `read` makes of an open file, whose size is within the limit.
 * @throws GatewayError of `read`, or else one with the path and the system's reason
 */
export async function withFile<T>(
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
    if (fault instanceof GatewayError) throw fault;
    throw new GatewayError(code, `file ${path} cannot be read`, { cause: fault });
  }
}
