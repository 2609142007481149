import type { BigIntStats } from "node:fs";
import { GatewayError } from "../../kernel/errors.ts";
import { type CrlReader, readCrlsHere } from "../crl-reader.ts";
import type { CrlSource } from "../ports.ts";
import { withFile } from "./read-file.ts";

/** A CRL of a million entries has about 40 MB as DER and 54 MB as PEM. */
export const maxCrlBytes = 128 * 1024 * 1024;

/**
 * A file with one DER CRL, or one or several PEM CRLs; a large one costs half a second of processor time, so it is read
 * again only when it has changed.
 * @param now epoch ms
 */
export function fileCrls(
  path: string,
  reader: CrlReader = readCrlsHere,
  now: () => number = Date.now,
): CrlSource {
  const name = `file ${path}`;
  let held: { readonly version: string; readonly crls: readonly Uint8Array[] } | undefined;
  return {
    name,
    fetch: () =>
      withFile(path, { maxBytes: maxCrlBytes, code: "revocation_unavailable" }, async (file, state) => {
        const version = versionOf(state);
        if (held?.version === version) return held.crls;
        const isStill = now() - Number(state.ctimeMs) > stillMs;
        const crls = await readable(name, reader.decodeFile(file, Number(state.size)));
        held = isStill ? { version, crls } : undefined;
        return crls;
      }),
  };
}

/** Two changes in one tick of a file system's clock look the same; where CRLs are kept, it ticks once a second at least. */
const stillMs = 1000;

/** What no change leaves as it was: nobody can set ctime. */
const versionOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(" ");

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
