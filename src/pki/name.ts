import { decodeText, latin1, prepareText } from "./directory-string.ts";
import { type DerReader, tag } from "./der-reader.ts";
import { oid } from "./object-identifiers.ts";
import { malformed } from "./pki-error.ts";

/** One attribute of a relative distinguished name. */
export interface NameAttribute {
  /** Dotted object identifier. */
  readonly type: string;
  readonly valueTag: number;
  readonly value: Uint8Array;
  /** The whole value, tag and length included. */
  readonly valueDer: Uint8Array;
}

/** A relative distinguished name: one attribute nearly always, a set of them at times. */
export type RelativeName = readonly NameAttribute[];

/**
 * An X.501 Name. Two names are equal when their keys are (RFC 5280 7.1): the same RDNs in the same order, each with
 * the same attributes in any order, text compared without case and without insignificant spaces.
 */
export class Name {
  readonly der: Uint8Array;
  /** In the order of the DER: the most significant RDN (often the country) first. */
  readonly rdns: readonly RelativeName[];
  #rdnKeys: readonly string[] | undefined;
  #key: string | undefined;
  #text: string | undefined;

  constructor(der: Uint8Array, rdns: readonly RelativeName[]) {
    this.der = der;
    this.rdns = rdns;
  }

  get isEmpty(): boolean {
    return this.rdns.length === 0;
  }

  /** One comparison key an RDN; a name is within a subtree when the subtree's keys are a prefix of its keys. */
  get rdnKeys(): readonly string[] {
    return (this.#rdnKeys ??= this.rdns.map(relativeNameKey));
  }

  /** Equal for equal names, for use in maps. */
  get key(): string {
    return (this.#key ??= this.rdnKeys.join("\u0000"));
  }

  /** RFC 4514 form: `CN=robot,O=Example`. Safe to print: control characters are escaped. */
  get text(): string {
    return (this.#text ??= this.rdns.toReversed().map(relativeNameText).join(","));
  }

  equals(other: Name): boolean {
    return this.key === other.key;
  }
}

/** Reads a complete Name SEQUENCE. */
export function readName(reader: DerReader, what: string): Name {
  const start = reader.position;
  const sequence = reader.sequence(what);
  const rdns: RelativeName[] = [];
  while (!sequence.atEnd) rdns.push(readRelativeName(sequence.enter(tag.set), what));
  return new Name(reader.bytes.subarray(start, reader.position), rdns);
}

/** Reads the attributes inside a RelativeDistinguishedName; the caller has entered the SET. */
export function readRelativeName(set: DerReader, what: string): RelativeName {
  const attributes: NameAttribute[] = [];
  while (!set.atEnd) {
    const pair = set.sequence();
    const type = pair.oid();
    const valueTag = pair.peekTag();
    const start = pair.position;
    const value = pair.content(valueTag);
    pair.finish();
    attributes.push({ type, valueTag, value, valueDer: pair.bytes.subarray(start, pair.position) });
  }
  if (attributes.length === 0) throw malformed(what, "an empty relative distinguished name");
  return attributes;
}

/** The e-mail addresses that stand in a subject as attributes (RFC 5280 4.1.2.6, the legacy form). */
export function emailAttributes(name: Name): string[] {
  return name.rdns
    .flat()
    .filter((attribute) => attribute.type === oid.emailAddress)
    .map((attribute) => decodeText(attribute.valueTag, attribute.value) ?? "");
}

// The separators cannot occur in a key: prepared text holds no control characters, opaque values are hexadecimal.
/** Equal for equal RDNs. */
export const relativeNameKey = (rdn: RelativeName): string => rdn.map(attributeKey).toSorted().join("\u0001");

function attributeKey({ type, valueTag, value, valueDer }: NameAttribute): string {
  const text = decodeText(valueTag, value);
  const prepared = text === undefined ? undefined : prepareText(text);
  return prepared === undefined ? `${type}#${Buffer.from(valueDer).toString("hex")}` : `${type}=${prepared}`;
}

/** RFC 4514 section 3's table, and the descriptors of the LDAP registry that certificates use. */
export const descriptors: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.42": "GN",
  "2.5.4.46": "dnQualifier",
  "2.5.4.97": "organizationIdentifier",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  [oid.emailAddress]: "emailAddress",
};

const relativeNameText = (rdn: RelativeName): string =>
  rdn
    .map(({ type, valueTag, value, valueDer }) => {
      const descriptor = descriptors[type];
      const text =
        decodeText(valueTag, value) ?? (valueTag === tag.teletexString ? latin1(value) : undefined);
      return descriptor === undefined || text === undefined
        ? `${descriptor ?? type}=#${Buffer.from(valueDer).toString("hex")}`
        : `${descriptor}=${escapeValue(text)}`;
    })
    .join("+");

/** RFC 4514 2.4; control and format characters too, so that no name can forge a line in a log or turn text around. */
function escapeValue(text: string): string {
  const escaped = text
    .replace(/["+,;<>\\]/g, "\\$&")
    .replace(/^[ #]/, "\\$&")
    .replace(/ $/, "\\ ");
  return escaped.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    Buffer.from(character).toString("hex").replace(/../g, "\\$&"),
  );
}
