import { contextConstructed, contextTag, DerReader, tag } from "./der-reader.ts";
import { type DistributionPoint, readDistributionPoints } from "./distribution-point.ts";
import { type GeneralName, readGeneralName, readGeneralNames } from "./general-name.ts";
import { oid } from "./object-identifiers.ts";
import { malformed } from "./pki-error.ts";

/** An extension as it stands in a certificate, a CRL or a CRL entry. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** The DER inside the OCTET STRING. */
  readonly value: Uint8Array;
}

/** The bits of keyUsage by name, in the order of RFC 5280 4.2.1.3. */
const keyUsageBits = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;
export type KeyUsage = (typeof keyUsageBits)[number];

export interface GeneralSubtrees {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

export interface PolicyMapping {
  readonly issuerDomainPolicy: string;
  readonly subjectDomainPolicy: string;
}

/** The certificate extensions that are understood, decoded. Absent means absent from the certificate. */
export interface KnownExtensions {
  basicConstraints?: { readonly ca: boolean; readonly pathLength?: number };
  keyUsage?: ReadonlySet<KeyUsage>;
  /** Dotted purposes. */
  extendedKeyUsage?: readonly string[];
  subjectAltName?: readonly GeneralName[];
  nameConstraints?: GeneralSubtrees;
  certificatePolicies?: { readonly policies: readonly string[]; readonly unknownQualifier: boolean };
  policyMappings?: readonly PolicyMapping[];
  /** Counts of certificates that may still follow (RFC 5280 4.2.1.11). */
  policyConstraints?: { readonly requireExplicitPolicy?: number; readonly inhibitPolicyMapping?: number };
  inhibitAnyPolicy?: number;
  subjectKeyIdentifier?: Uint8Array;
  authorityKeyIdentifier?: { readonly keyIdentifier?: Uint8Array };
  crlDistributionPoints?: readonly DistributionPoint[];
  freshestCrl?: readonly DistributionPoint[];
  /** Where an OCSP responder answers (RFC 5280 4.2.2.1). */
  ocspUrls?: readonly string[];
}

/**
 * Reads Extensions (RFC 5280 4.1.2.9); the caller stands before the SEQUENCE.
 * @throws PkiError where the list is empty or an extension stands in it twice (4.2)
 */
export function readExtensions(reader: DerReader, what: string): readonly Extension[] {
  const sequence = reader.sequence(what);
  const extensions: Extension[] = [];
  const seen = new Set<string>();
  while (!sequence.atEnd) {
    const one = sequence.sequence();
    const extension = { oid: one.oid(), critical: one.defaultFalse(), value: one.content(tag.octetString) };
    one.finish();
    if (seen.has(extension.oid)) throw malformed(what, `extension ${extension.oid} stands in it twice`);
    seen.add(extension.oid);
    extensions.push(extension);
  }
  if (extensions.length === 0) throw malformed(what, "an empty list of extensions");
  return extensions;
}

type Decode = (value: DerReader, into: KnownExtensions) => void;

const decoders: Readonly<Record<string, Decode>> = {
  [oid.basicConstraints](value, into) {
    const sequence = value.sequence("basicConstraints");
    const ca = sequence.defaultFalse();
    const pathLength = sequence.sees(tag.integer) ? { pathLength: sequence.smallInteger() } : {};
    sequence.finish();
    into.basicConstraints = { ca, ...pathLength };
  },
  [oid.keyUsage](value, into) {
    const { bytes } = value.bitString();
    into.keyUsage = new Set(
      keyUsageBits.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0),
    );
  },
  [oid.extKeyUsage](value, into) {
    into.extendedKeyUsage = readList(value.sequence("extKeyUsage"), (list) => list.oid(), "extKeyUsage");
  },
  [oid.subjectAltName](value, into) {
    into.subjectAltName = readGeneralNames(value.sequence("subjectAltName"), "subjectAltName");
  },
  [oid.nameConstraints](value, into) {
    const sequence = value.sequence("nameConstraints");
    const subtrees = (n: number) =>
      sequence.sees(contextConstructed(n))
        ? readList(sequence.enter(contextConstructed(n)), readSubtree, "nameConstraints")
        : [];
    into.nameConstraints = { permitted: subtrees(0), excluded: subtrees(1) };
    sequence.finish();
    // RFC 5280 4.2.1.10: an empty sequence is forbidden. Whoever wrote it meant a constraint that we cannot see.
    if (into.nameConstraints.permitted.length + into.nameConstraints.excluded.length === 0)
      throw malformed("nameConstraints", "neither permitted nor excluded subtrees");
  },
  [oid.certificatePolicies](value, into) {
    let unknownQualifier = false;
    const policies = readList(
      value.sequence("certificatePolicies"),
      (list) => {
        const information = list.sequence();
        const policy = information.oid();
        if (!information.atEnd) {
          const qualifiers = readList(information.sequence(), readQualifierId, "certificatePolicies");
          unknownQualifier ||= qualifiers.some(
            (id) => id !== oid.cpsQualifier && id !== oid.userNoticeQualifier,
          );
        }
        information.finish();
        return policy;
      },
      "certificatePolicies",
    );
    if (new Set(policies).size !== policies.length)
      throw malformed("certificatePolicies", "a policy stands in it twice");
    into.certificatePolicies = { policies, unknownQualifier };
  },
  [oid.policyMappings](value, into) {
    into.policyMappings = readList(
      value.sequence("policyMappings"),
      (list) => {
        const pair = list.sequence();
        const mapping = { issuerDomainPolicy: pair.oid(), subjectDomainPolicy: pair.oid() };
        pair.finish();
        return mapping;
      },
      "policyMappings",
    );
  },
  [oid.policyConstraints](value, into) {
    const sequence = value.sequence("policyConstraints");
    const constraints: { requireExplicitPolicy?: number; inhibitPolicyMapping?: number } = {};
    if (sequence.sees(contextTag(0)))
      constraints.requireExplicitPolicy = sequence.smallInteger(contextTag(0));
    if (sequence.sees(contextTag(1))) constraints.inhibitPolicyMapping = sequence.smallInteger(contextTag(1));
    sequence.finish();
    if (Object.keys(constraints).length === 0) throw malformed("policyConstraints", "an empty sequence");
    into.policyConstraints = constraints;
  },
  [oid.inhibitAnyPolicy](value, into) {
    into.inhibitAnyPolicy = value.smallInteger();
  },
  [oid.subjectKeyIdentifier](value, into) {
    into.subjectKeyIdentifier = value.content(tag.octetString);
  },
  [oid.authorityKeyIdentifier](value, into) {
    const sequence = value.sequence("authorityKeyIdentifier");
    const keyIdentifier = sequence.sees(contextTag(0))
      ? { keyIdentifier: sequence.content(contextTag(0)) }
      : {};
    if (sequence.sees(contextConstructed(1)))
      readGeneralNames(sequence.enter(contextConstructed(1)), "authorityKeyIdentifier");
    if (sequence.sees(contextTag(2))) sequence.integer(contextTag(2));
    sequence.finish();
    into.authorityKeyIdentifier = keyIdentifier;
  },
  [oid.cRLDistributionPoints](value, into) {
    into.crlDistributionPoints = readDistributionPoints(value, "cRLDistributionPoints");
  },
  [oid.freshestCRL](value, into) {
    into.freshestCrl = readDistributionPoints(value, "freshestCRL");
  },
  [oid.authorityInfoAccess](value, into) {
    const descriptions = readList(
      value.sequence("authorityInfoAccess"),
      (list) => {
        const description = list.sequence();
        const access = {
          method: description.oid(),
          location: readGeneralName(description, "authorityInfoAccess"),
        };
        description.finish();
        return access;
      },
      "authorityInfoAccess",
    );
    into.ocspUrls = descriptions.flatMap(({ method, location }) =>
      method === oid.ocspAccess && location.kind === "uri" ? [location.value] : [],
    );
  },
};

/** The extensions whose meaning is known here: a critical one outside this list is refused (RFC 5280 4.2). */
export const isKnownExtension = (id: string): boolean => Object.hasOwn(decoders, id);

/** Decodes what is known; a malformed known extension makes the whole certificate malformed. */
export function decodeExtensions(extensions: readonly Extension[]): KnownExtensions {
  const into: KnownExtensions = {};
  for (const { oid: id, value } of extensions) {
    const decode = decoders[id];
    if (decode === undefined) continue;
    const reader = new DerReader(value, `extension ${id}`);
    decode(reader, into);
    reader.finish();
  }
  return into;
}

function readSubtree(list: DerReader): GeneralName {
  const subtree = list.sequence();
  const base = readGeneralName(subtree, "nameConstraints");
  // RFC 5280 4.2.1.10: minimum is 0 (a default, so absent in DER) and maximum is absent.
  subtree.finish();
  return base;
}

function readQualifierId(list: DerReader): string {
  const qualifier = list.sequence();
  const id = qualifier.oid();
  qualifier.raw();
  qualifier.finish();
  return id;
}

/** Reads a SEQUENCE SIZE (1..MAX) OF. */
function readList<T>(list: DerReader, readOne: (list: DerReader) => T, what: string): T[] {
  const result: T[] = [];
  while (!list.atEnd) result.push(readOne(list));
  if (result.length === 0) throw malformed(what, "an empty sequence");
  return result;
}
