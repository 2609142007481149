import { contextConstructed, contextTag, type DerReader } from "./der-reader.ts";
import { latin1 } from "./directory-string.ts";
import { type Name, readName } from "./name.ts";
import { malformed } from "./pki-error.ts";

/** A GeneralName (RFC 5280 4.2.1.6). Text is ASCII as it stands; its syntax is judged where it matters. */
export type GeneralName =
  | { readonly kind: "dns" | "email" | "uri"; readonly value: string }
  | { readonly kind: "ip"; readonly value: Uint8Array }
  | { readonly kind: "directory"; readonly value: Name }
  | { readonly kind: "registered-id"; readonly value: string }
  /** `type` is the dotted type-id; the value is not looked into. */
  | { readonly kind: "other"; readonly type: string }
  | { readonly kind: "x400" | "edi-party" };

export type GeneralNameKind = GeneralName["kind"];

/** Reads the GeneralNames inside a SEQUENCE (or an IMPLICIT tag) that the caller has entered: at least one. */
export function readGeneralNames(names: DerReader, what: string): GeneralName[] {
  const result: GeneralName[] = [];
  while (!names.atEnd) result.push(readGeneralName(names, what));
  if (result.length === 0) throw malformed(what, "an empty list of names");
  return result;
}

export function readGeneralName(reader: DerReader, what: string): GeneralName {
  switch (reader.peekTag()) {
    case contextConstructed(0): {
      const other = reader.enter(contextConstructed(0), what);
      const type = other.oid();
      const value = other.enter(contextConstructed(0));
      value.raw();
      value.finish();
      other.finish();
      return { kind: "other", type };
    }
    case contextTag(1):
      return { kind: "email", value: ascii(reader.content(contextTag(1)), what) };
    case contextTag(2):
      return { kind: "dns", value: ascii(reader.content(contextTag(2)), what) };
    case contextConstructed(3):
      reader.raw();
      return { kind: "x400" };
    case contextConstructed(4): {
      const explicit = reader.enter(contextConstructed(4), what);
      const value = readName(explicit, what);
      explicit.finish();
      return { kind: "directory", value };
    }
    case contextConstructed(5):
      reader.raw();
      return { kind: "edi-party" };
    case contextTag(6):
      return { kind: "uri", value: ascii(reader.content(contextTag(6)), what) };
    case contextTag(7):
      return { kind: "ip", value: reader.content(contextTag(7)) };
    case contextTag(8):
      return { kind: "registered-id", value: reader.oid(contextTag(8)) };
    default:
      throw malformed(what, "not a GeneralName");
  }
}

function ascii(content: Uint8Array, what: string): string {
  if (content.some((byte) => byte >= 0x80)) throw malformed(what, "IA5String with other than ASCII");
  return latin1(content);
}
