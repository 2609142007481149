import { PkiError } from "./pki-error.ts";

/** The PEM labels that are read here (RFC 7468 sections 5 and 6). */
export type PemLabel = "CERTIFICATE" | "X509 CRL";

/**
 * The DER of every block with this label, in order. Text around blocks and blocks with other labels are ignored.
 * @throws PkiError on a block of this label that is damaged: half a trust file must not pass for a whole one.
 */
export function decodePem(text: string, label: PemLabel): Uint8Array[] {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const blocks: Uint8Array[] = [];
  for (let at = text.indexOf(begin); at !== -1; at = text.indexOf(begin, at)) {
    const bodyStart = at + begin.length;
    const bodyEnd = text.indexOf("-----", bodyStart);
    if (bodyEnd === -1 || !text.startsWith(end, bodyEnd))
      throw new PkiError("malformed", `PEM block ${blocks.length + 1} (${label}) has no end line`);
    blocks.push(decodeBase64(text.slice(bodyStart, bodyEnd), label, blocks.length + 1));
    at = bodyEnd + end.length;
  }
  return blocks;
}

/**
 * The DER of every object in a file that is either DER (one object) or PEM (one or several).
 * @throws PkiError on a damaged block, or where the file holds no object of this label.
 */
export function decodePemOrDer(bytes: Uint8Array, label: PemLabel): Uint8Array[] {
  if (bytes[0] === 0x30) return [bytes];
  const blocks = decodePem(Buffer.from(bytes).toString("latin1"), label);
  if (blocks.length === 0)
    throw new PkiError("malformed", `the file holds neither DER nor a PEM block "${label}"`);
  return blocks;
}

/** Strict base64 (RFC 4648 section 4): Buffer would skip what it does not know, and so hide damage. */
function decodeBase64(body: string, label: PemLabel, block: number): Uint8Array {
  const compact = body.replace(/[ \t\r\n]+/g, "");
  const decoded = Buffer.from(compact, "base64");
  if (compact.length === 0 || decoded.toString("base64") !== compact)
    throw new PkiError("malformed", `PEM block ${block} (${label}) is not base64`);
  return decoded;
}
