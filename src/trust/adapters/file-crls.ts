import { GatewayError } from "../../kernel/errors.ts";
import { decodePemOrDer } from "../../pki/pem.ts";
import type { CrlSource } from "../ports.ts";
import { readWholeFile } from "./read-file.ts";

/** A CRL of a million entries has about 40 MB as DER and 54 MB as PEM. */
export const maxCrlBytes = 128 * 1024 * 1024;

/** A file with one DER CRL, or one or several PEM CRLs; read anew at each fetch. */
export function fileCrls(path: string): CrlSource {
  const name = `file ${path}`;
  return {
    name,
    async fetch(signal) {
      const limits = { maxBytes: maxCrlBytes, code: "revocation_unavailable" } as const;
      return decodeCrls(name, await readWholeFile(path, limits, signal));
    },
  };
}

/** @throws GatewayError `revocation_unavailable` that names the source */
export function decodeCrls(source: string, bytes: Uint8Array): Uint8Array[] {
  try {
    return decodePemOrDer(bytes, "X509 CRL");
  } catch (fault) {
    throw new GatewayError("revocation_unavailable", `${source} holds no readable CRL`, { cause: fault });
  }
}
