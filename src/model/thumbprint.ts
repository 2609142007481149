/** A certificate's hash in its one spelling: lower-case hex, no separators. */
export interface Thumbprint {
  readonly algorithm: "sha256" | "sha1";
  /** 64 digits for SHA-256, 40 for SHA-1. */
  readonly hex: string;
}

export type ThumbprintReading =
  | { readonly ok: true; readonly thumbprint: Thumbprint }
  | { readonly ok: false; readonly reason: string };

/**
 * What tools put around and between the digits: colons (OpenSSL), spaces and dashes, and the invisible marks
 * (general category Cf, such as U+200E) that the Windows certificate dialog puts before the first digit.
 */
const separators = /[\p{Cf}\p{White_Space}:-]/gu;

/** OpenSSL prints `sha256 Fingerprint=AB:CD:...`: people paste the whole line. */
const opensslPrefix = /^sha-?(?:1|256) fingerprint=/i;

/**
 * Reads a thumbprint in any spelling that tools print. The algorithm follows from the length.
 * Anything else than hex digits and known separators is refused, never dropped: a typing error must not turn into
 * a different thumbprint.
 */
export function readThumbprint(text: string): ThumbprintReading {
  const hex = text.trim().replace(opensslPrefix, "").replace(separators, "").toLowerCase();
  const stranger = /[^0-9a-f]/u.exec(hex)?.[0];
  if (hex === "") return { ok: false, reason: "it is empty" };
  if (stranger !== undefined) return { ok: false, reason: `${printable(stranger)} is not a hex digit` };
  if (hex.length === 64) return { ok: true, thumbprint: { algorithm: "sha256", hex } };
  if (hex.length === 40) return { ok: true, thumbprint: { algorithm: "sha1", hex } };
  return { ok: false, reason: `it has ${hex.length} hex digits; SHA-256 has 64 and SHA-1 has 40` };
}

const printable = (character: string): string =>
  /^[\x21-\x7e]$/.test(character)
    ? `"${character}"`
    : `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
