import { GatewayError } from "../../kernel/errors.ts";
import { type CrlReader, readCrlsHere } from "../crl-reader.ts";
import type { CrlSource } from "../ports.ts";
import { withFile } from "./read-file.ts";

/** A CRL of a million entries has about 40 MB as DER and 54 MB as PEM. */
export const maxCrlBytes = 128 * 1024 * 1024;

/**
 * A file with one DER CRL, or one or several PEM CRLs. Each fetch reads it, but decodes it only when it holds something
 * else than before: what is decoded in vain would lie in memory, tens of megabytes, until the engine collects it.
 */
export function fileCrls(path: string, reader: CrlReader = readCrlsHere): CrlSource {
  const name = `file ${path}`;
  let held: { readonly sha256: string; readonly crls: readonly Uint8Array[] } | undefined;
  return {
    name,
    fetch: () =>
      withFile(path, { maxBytes: maxCrlBytes, code: "revocation_unavailable" }, async (file, size) => {
        // Of what stands there now. If it is changed before it is decoded, the next fetch decodes it once more.
        const sha256 = await reader.fingerprintFile(file, size);
        if (held?.sha256 !== sha256)
          held = { sha256, crls: await readable(name, reader.decodeFile(file, size)) };
        return held.crls;
      }),
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
