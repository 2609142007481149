import { open } from "node:fs/promises";
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
export async function readWholeFile(
  path: string,
  { maxBytes, code }: FileLimits,
  signal: AbortSignal,
): Promise<Buffer> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > maxBytes) throw new Error(`it has ${size} bytes; the limit is ${maxBytes}`);
    return await file.readFile({ signal });
  } catch (fault) {
    throw new GatewayError(code, `file ${path} cannot be read`, { cause: fault });
  }
}
