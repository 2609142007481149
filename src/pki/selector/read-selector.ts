import type { MatchOptions } from "../../model/client-options.ts";
import { readDistinguishedName } from "./distinguished-name.ts";
import {
  readAddress,
  readAttribute,
  readCommonName,
  readHost,
  readKeyHash,
  readMailbox,
  readUri,
} from "./read-part.ts";
import type { PartReading, SelectorField, SelectorPart } from "./selector-part.ts";

/** A rule about a certificate: all its parts must hold. Sorted by field, so that equal rules are equal. */
export type Selector = readonly SelectorPart[];

export interface SelectorProblem {
  readonly path: readonly string[];
  readonly reason: string;
}

export type SelectorReading =
  | { readonly ok: true; readonly selector: Selector }
  | { readonly ok: false; readonly problems: readonly SelectorProblem[] };

/** The subject attributes that a rule can name, by the names that X.520 gives them. */
export const subjectAttributes = {
  commonName: "2.5.4.3",
  serialNumber: "2.5.4.5",
  country: "2.5.4.6",
  locality: "2.5.4.7",
  stateOrProvince: "2.5.4.8",
  organization: "2.5.4.10",
  organizationalUnit: "2.5.4.11",
  dnQualifier: "2.5.4.46",
  organizationIdentifier: "2.5.4.97",
  userId: "0.9.2342.19200300.100.1.1",
} as const;

type Reader = readonly [SelectorField, (text: string) => PartReading];

const plain: Readonly<Record<string, Reader>> = {
  sanUri: ["uri", readUri],
  sanDns: ["dns", readHost],
  sanEmail: ["email", readMailbox],
  sanIp: ["ip", readAddress],
  spkiSha256: ["spki", readKeyHash],
};
const nested: Readonly<Record<string, Readonly<Record<string, Reader>>>> = {
  issuer: {
    subject: ["issuer-name", readDistinguishedName],
    spkiSha256: ["issuer-spki", readKeyHash],
  },
  subject: Object.fromEntries(
    Object.entries(subjectAttributes).map(([name, type]): [string, Reader] => [
      name,
      [`subject:${type}`, name === "commonName" ? readCommonName : readAttribute],
    ]),
  ),
};

/**
 * Reads one rule. Whatever is not understood is a problem and never left out: a rule with a part less would match
 * more certificates.
 */
export function readSelector(options: MatchOptions): SelectorReading {
  const parts: SelectorPart[] = [];
  const problems: SelectorProblem[] = [];
  const read = (path: readonly string[], reader: Reader | undefined, text: unknown): void => {
    if (reader === undefined) problems.push({ path, reason: "it is not known here" });
    else if (typeof text !== "string") problems.push({ path, reason: "it must be text" });
    else {
      const [field, readText] = reader;
      const reading = readText(text);
      if (reading.ok) parts.push({ field, form: reading.form, value: reading.value });
      else problems.push({ path, reason: reading.reason });
    }
  };
  for (const [key, value] of definedEntries(options)) {
    const inner = Object.hasOwn(nested, key) ? nested[key] : undefined;
    if (inner === undefined) read([key], Object.hasOwn(plain, key) ? plain[key] : undefined, value);
    else if (typeof value !== "object" || value === null)
      problems.push({ path: [key], reason: "it must be a mapping" });
    else
      for (const [name, text] of definedEntries(value))
        read([key, name], Object.hasOwn(inner, name) ? inner[name] : undefined, text);
  }
  if (parts.length === 0 && problems.length === 0)
    problems.push({ path: [], reason: "it names nothing: it would match every certificate" });
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, selector: parts.toSorted((a, b) => (a.field < b.field ? -1 : 1)) };
}

const definedEntries = (value: object): [string, unknown][] =>
  Object.entries(value).filter(([, inner]) => inner !== undefined);
