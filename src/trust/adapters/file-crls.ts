import { GatewayError } from "../../kernel/errors.ts";
import { type CrlReader, readCrlsHere } from "../crl-reader.ts";
import type { CrlSource } from "../ports.ts";
import { withFile } from "./read-file.ts";

/** A CRL of a million entries has about 40 MB as DER and 54 MB as PEM. */
export const maxCrlBytes = 128 * 1024 * 1024;

/** A file with one DER CRL, or one or several PEM CRLs; read anew at each fetch. */
export function fileCrls(path: string, reader: CrlReader = readCrlsHere): CrlSource {
  const name = `file ${path}`;
  return {
    name,
    fetch: () =>
      withFile(path, { maxBytes: maxCrlBytes, code: "revocation_unavailable" }, (file, size) =>
        readable(name, reader.decodeFile(file, size)),
      ),
  };
}

/** @throws GatewayError `revocation_unavailable` that names the source, where it could not be decoded */
export async function readable(
  source: string,
  decoding: Promise<readonly Uint8Array[]>,
): Promise<readonly Uint8Array[]> {
  try {
    return await decoding;
  } catch (fault) {
    throw new GatewayError("revocation_unavailable", `${source} holds no readable CRL`, { cause: fault });
  }
}
