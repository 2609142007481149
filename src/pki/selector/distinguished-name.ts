import { descriptors } from "../name.ts";
import { attributeForm } from "./read-part.ts";
import { bad, exact, type PartReading } from "./selector-part.ts";

const types = new Map(Object.entries(descriptors).map(([type, name]) => [name.toLowerCase(), type]));

/**
 * Reads a distinguished name as `certgate explain` and RFC 4514 write it (`CN=Plant CA,O=Contoso`: the most specific
 * first) into the key by which `pki/name.ts` compares names. Escapes are understood; `#hex` values are not.
 */
export function readDistinguishedName(text: string): PartReading {
  const rdns: string[] = [];
  let attributes: string[] = [];
  for (const { piece, separator } of pieces(text)) {
    const [, name = "", raw = ""] = /^\s*([A-Za-z][\w-]*|\d+(?:\.\d+)+)\s*=([^]*)$/.exec(piece) ?? [];
    const type = /^\d/.test(name) ? name : types.get(name.toLowerCase());
    const written = unescape(raw);
    if (type === undefined)
      return bad(`${name === "" ? "a part without =" : name} is no attribute type that is known here`);
    const value = written === undefined ? undefined : attributeForm(written);
    if (value === undefined || value === "") return bad(`the value of ${name} cannot be compared`);
    attributes.push(`${type}=${value}`);
    if (separator === "+") continue;
    rdns.unshift(attributes.toSorted().join("\u0001"));
    attributes = [];
  }
  return attributes.length > 0 ? bad("it ends with +") : exact(rdns.join("\u0000"));
}

/** Splits at the commas and plus signs that no backslash escapes. */
function pieces(text: string): { readonly piece: string; readonly separator: string }[] {
  const found: { piece: string; separator: string }[] = [];
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === "\\") index += 1;
    else if (character === "," || character === "+") {
      found.push({ piece: text.slice(start, index), separator: character });
      start = index + 1;
    }
  }
  found.push({ piece: text.slice(start), separator: "" });
  return found;
}

/** RFC 4514 3; undefined where an escape is broken or the value is hexadecimal. */
function unescape(raw: string): string | undefined {
  const trimmed = raw.trimStart().replace(/(?<!\\)\s+$/, "");
  if (trimmed.startsWith("#")) return undefined;
  const octets: Buffer[] = [];
  for (const [token] of trimmed.matchAll(/\\[0-9a-f]{2}|\\[^]|[^\\]+|\\$/gi)) {
    if (token === "\\") return undefined;
    if (/^\\[0-9a-f]{2}$/i.test(token)) octets.push(Buffer.from(token.slice(1), "hex"));
    else octets.push(Buffer.from(token.startsWith("\\") ? token.slice(1) : token));
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(octets));
  } catch {
    return undefined;
  }
}
