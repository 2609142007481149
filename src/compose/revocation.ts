import type { Config } from "../config/schema.ts";
import type { RevocationPolicy } from "../pki/revocation.ts";

/** What the configuration says about how revocation counts; the data comes from the trust store and OCSP. */
export function revocationRules({
  mode,
  graceSeconds = 0,
  maxCrlAgeSeconds,
  crlWithoutNextUpdate,
}: Config["trust"]["revocation"]): Omit<RevocationPolicy, "crls" | "other"> {
  return {
    mode,
    graceMs: graceSeconds * 1000,
    crlWithoutNextUpdate,
    ...(maxCrlAgeSeconds === undefined ? {} : { maxCrlAgeMs: maxCrlAgeSeconds * 1000 }),
  };
}
