import { hash } from "node:crypto";
import type { Certificate } from "../certificate.ts";
import { decodeText } from "../directory-string.ts";
import type { NameAttribute } from "../name.ts";
import type { VerifiedPath } from "../verified-path.ts";
import { hostForm, hostParent, mailboxForm, uriForm, uriParents } from "./name-forms.ts";
import { attributeForm } from "./read-part.ts";
import { subjectAttributes, type Selector } from "./read-selector.ts";
import type { SelectorField, SelectorPart } from "./selector-part.ts";

/** What a certificate has to say, field by field, in the forms in which rules compare. */
export interface SelectorView {
  values(field: SelectorField, form: SelectorPart["form"]): readonly string[];
}

/**
 * The view of a verified path: names and key of its leaf, name and key of the leaf's direct issuer. The direct issuer
 * has one name and one key whichever of several valid paths was found; CAs further up do not.
 */
export function viewOfPath(path: VerifiedPath): SelectorView {
  return viewOf(path.leaf, path.certificates[1] ?? path.leaf);
}

function viewOf(leaf: Certificate, issuer: Certificate): SelectorView {
  const known = new Map<string, readonly string[]>();
  return {
    values(field, form) {
      const key = `${field} ${form}`;
      let values = known.get(key);
      if (values === undefined) {
        const exact = [...new Set(exactValues(field, leaf, issuer))];
        values = form === "exact" ? exact : [...new Set(exact.flatMap((value) => wildcardsOf(field, value)))];
        known.set(key, values);
      }
      return values;
    },
  };
}

/** The view of whatever a rule matches: the rules that it finds match every such certificate too. */
export function viewOfSelector(selector: Selector): SelectorView {
  return {
    values(field, form) {
      const part = selector.find((candidate) => candidate.field === field);
      if (part === undefined) return [];
      if (part.form === form) return [part.value];
      return form === "wildcard" ? wildcardsOf(field, part.value) : [];
    },
  };
}

/** The wildcard rules' values that an exact value falls under. */
export function wildcardsOf(field: SelectorField, value: string): string[] {
  switch (field) {
    case "uri":
      return uriParents(value);
    case "email":
      return [value.slice(value.lastIndexOf("@") + 1)];
    case "dns":
    case `subject:${subjectAttributes.commonName}`: {
      const host = hostForm(value);
      const parent = host === undefined ? undefined : hostParent(host);
      return parent === undefined ? [] : [parent];
    }
    default:
      return [];
  }
}

function exactValues(field: SelectorField, leaf: Certificate, issuer: Certificate): string[] {
  switch (field) {
    case "spki":
      return [hash("sha256", leaf.subjectPublicKeyInfo, "hex")];
    case "issuer-spki":
      return [hash("sha256", issuer.subjectPublicKeyInfo, "hex")];
    case "issuer-name":
      // As the leaf names it; a verified path has made sure that the issuer bears that name.
      return leaf.issuer.rdns.flat().every((attribute) => comparable(attribute) !== undefined)
        ? [leaf.issuer.key]
        : [];
    case "uri":
    case "dns":
    case "email":
    case "ip":
      return (leaf.known.subjectAltName ?? []).flatMap((name) => {
        if (name.kind !== field) return [];
        const value = typeof name.value === "string" ? nameForm(field, name.value) : addressForm(name.value);
        return value === undefined ? [] : [value];
      });
    default: {
      const type = field.slice("subject:".length);
      return leaf.subject.rdns.flat().flatMap((attribute) => {
        if (attribute.type !== type) return [];
        const value = comparable(attribute);
        return value === undefined ? [] : [value];
      });
    }
  }
}

function comparable({ valueTag, value }: NameAttribute): string | undefined {
  const text = decodeText(valueTag, value);
  const form = text === undefined ? undefined : attributeForm(text);
  return form === "" ? undefined : form;
}

function nameForm(field: "uri" | "dns" | "email" | "ip", text: string): string | undefined {
  if (field === "dns") return hostForm(text);
  if (field === "uri") return uriForm(text);
  const mailbox = mailboxForm(text);
  return mailbox === undefined ? undefined : `${mailbox.local}@${mailbox.host}`;
}

const addressForm = (octets: unknown): string | undefined =>
  octets instanceof Uint8Array && (octets.length === 4 || octets.length === 16)
    ? Buffer.from(octets).toString("hex")
    : undefined;
