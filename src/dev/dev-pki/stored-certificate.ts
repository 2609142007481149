import { createPrivateKey, X509Certificate } from "node:crypto";

import { describeFault } from "../../kernel/errors.ts";
import { decodePem } from "../../pki/pem.ts";
import type { PkiFolder } from "./folder.ts";

/** A certificate file with its key file, read and found to belong together. */
export interface StoredCertificate {
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
  readonly chainPem: string;
  readonly keyPem: string;
}

/** The stored pair, or why there is none: `absent`, or a sentence about damage. */
export type StoredOrNot =
  | { readonly stored: StoredCertificate }
  | { readonly stored?: undefined; readonly why: string };

/** Reads `NAME.pem` and `NAME.key`. Damage is a reason to make them anew, never a crash. */
export async function readStored(folder: PkiFolder, name: string): Promise<StoredOrNot> {
  const [chainPem, keyPem] = await Promise.all([folder.read(`${name}.pem`), folder.read(`${name}.key`)]);
  if (chainPem === undefined) return { why: keyPem === undefined ? "absent" : "its certificate was gone" };
  if (keyPem === undefined) return { why: "its key was gone" };
  try {
    const [leaf, ...others] = decodePem(chainPem, "CERTIFICATE").map((der) => new X509Certificate(der));
    if (leaf === undefined) return { why: "its file held no certificate" };
    if (!leaf.checkPrivateKey(createPrivateKey(keyPem))) return { why: "its key was another's" };
    return { stored: { chain: [leaf, ...others], chainPem, keyPem } };
  } catch (error) {
    return { why: `its files were damaged (${describeFault(error)})` };
  }
}
