import { tag } from "./der-reader.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const printable = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

/**
 * The characters of an attribute value, or undefined where the type is no text or the octets are none of that type.
 * TeletexString (T.61) has no agreed decoding, so it is not text here and compares octet by octet.
 */
export function decodeText(valueTag: number, content: Uint8Array): string | undefined {
  switch (valueTag) {
    case tag.printableString: {
      const text = latin1(content);
      return printable.test(text) ? text : undefined;
    }
    case tag.ia5String:
    case tag.numericString:
      return content.every((byte) => byte < 0x80) ? latin1(content) : undefined;
    case tag.utf8String:
      try {
        return utf8.decode(content);
      } catch {
        // Invalid UTF-8 stays an opaque value: it then equals nothing but itself.
        return undefined;
      }
    case tag.bmpString:
      return fromCodeUnits(content, 2);
    case tag.universalString:
      return fromCodeUnits(content, 4);
    default:
      return undefined;
  }
}

export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

function fromCodeUnits(content: Uint8Array, width: 2 | 4): string | undefined {
  if (content.length % width !== 0) return undefined;
  let text = "";
  for (let i = 0; i < content.length; i += width) {
    let point = 0;
    for (let j = 0; j < width; j += 1) point = point * 256 + (content[i + j] as number);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

// RFC 4518 2.2: characters that map to a space, and then those that map to nothing (controls, formats, selectors).
const mapsToSpace = /[\t\n\v\f\r\u0085\p{Z}]/gu;
const mapsToNothing = /\p{Cc}|\p{Cf}|\p{Variation_Selector}|\u034F|\u1806|\uFFFC/gu;
// RFC 4518 2.4: private use, unassigned and non-characters and the replacement character are prohibited.
const prohibited = /[\p{Co}\p{Cn}\p{Cs}\uFFFD]/u;
const plainAscii = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

/**
 * Prepares text for caseIgnoreMatch (RFC 5280 7.1, RFC 4518): map, fold case, normalise (NFKC), refuse prohibited
 * characters, treat inner runs of spaces as one and outer ones as none.
 * @returns undefined where the text may not be compared as text
 */
export function prepareText(text: string): string | undefined {
  if (plainAscii.test(text)) return text.toLowerCase();
  const mapped = text.replace(mapsToSpace, " ").replace(mapsToNothing, "");
  const folded = foldCase(mapped.normalize("NFKC")).normalize("NFKC");
  if (prohibited.test(folded)) return undefined;
  return folded.replace(/ +/g, " ").replace(/^ | $/g, "");
}

/** RFC 3454 B.2, by the two rules of it that a plain lower-casing lacks. */
const foldCase = (text: string): string => text.toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ");
