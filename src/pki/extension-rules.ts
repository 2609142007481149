import type { Certificate } from "./certificate.ts";
import { isKnownExtension } from "./extensions.ts";
import { oid } from "./object-identifiers.ts";
import type { PathDenialCode } from "./path-failure.ts";
import type { PathRules } from "./path-rules.ts";

/** Where in a path a certificate stands. A CRL signer is a leaf that is asked for cRLSign instead of a purpose. */
export type Role = "leaf" | "crl-signer" | "intermediate" | "anchor";

interface ExtensionRule {
  readonly extension: keyof typeof oid;
  /** RFC 5280, unless it says otherwise. */
  readonly section: string;
  readonly roles: readonly Role[];
  /**
   * `always`: path validation needs it (section 6), or every implementation does it. `strict`: a rule for issuers only
   * (section 4); breaking it endangers nobody here, and private PKIs often do.
   */
  readonly level: "always" | "strict";
  readonly presence?: "required" | "forbidden";
  readonly criticality?: "critical" | "not-critical";
  /** What is wrong with the certificate, in a sentence that starts with a verb; undefined where nothing is. */
  readonly check?: (certificate: Certificate, rules: PathRules) => string | undefined;
  readonly code: PathDenialCode;
}

const issuers: readonly Role[] = ["intermediate", "anchor"];
const everybody: readonly Role[] = ["leaf", "crl-signer", "intermediate", "anchor"];
const invalid: PathDenialCode = "client_certificate_invalid";
const wrongUsage: PathDenialCode = "client_certificate_wrong_usage";

/** One row a rule. Path-wide rules (path length, name constraints, policies) are in `path-checks.ts`. */
export const extensionRules: readonly ExtensionRule[] = [
  // What makes a CA a CA.
  {
    extension: "basicConstraints",
    section: "6.1.4(k)",
    roles: issuers,
    level: "always",
    presence: "required",
    check: mustBeCa,
    code: invalid,
  },
  {
    extension: "keyUsage",
    section: "6.1.4(n)",
    roles: issuers,
    level: "always",
    check: mustSignCertificates,
    code: invalid,
  },
  {
    extension: "extKeyUsage",
    section: "4.2.1.12, by custom",
    roles: issuers,
    level: "always",
    check: mustNotExcludePurpose,
    code: wrongUsage,
  },
  // What makes a leaf a client.
  {
    extension: "basicConstraints",
    section: "4.2.1.9",
    roles: ["leaf"],
    level: "always",
    check: mustNotBeCa,
    code: wrongUsage,
  },
  {
    extension: "keyUsage",
    section: "4.2.1.3, RFC 8446 4.4.2.2",
    roles: ["leaf"],
    level: "always",
    check: mustSignHandshakes,
    code: wrongUsage,
  },
  {
    extension: "extKeyUsage",
    section: "4.2.1.12",
    roles: ["leaf"],
    level: "always",
    check: mustHavePurpose,
    code: wrongUsage,
  },
  {
    extension: "keyUsage",
    section: "6.3.3(f)",
    roles: ["crl-signer"],
    level: "always",
    check: mustSignCrls,
    code: invalid,
  },
  // What must be understood.
  {
    extension: "certificatePolicies",
    section: "4.2.1.4",
    roles: everybody,
    level: "always",
    check: mustNotHideQualifiers,
    code: invalid,
  },
  // What issuers must do.
  {
    extension: "basicConstraints",
    section: "4.2.1.9",
    roles: issuers,
    level: "strict",
    criticality: "critical",
    code: invalid,
  },
  {
    extension: "basicConstraints",
    section: "4.2.1.9",
    roles: ["leaf"],
    level: "strict",
    check: mustNotLimitPath,
    code: invalid,
  },
  {
    extension: "keyUsage",
    section: "4.2.1.3",
    roles: issuers,
    level: "strict",
    presence: "required",
    code: invalid,
  },
  {
    extension: "keyUsage",
    section: "4.2.1.3",
    roles: ["leaf"],
    level: "strict",
    check: mustNotSignAsLeaf,
    code: invalid,
  },
  {
    extension: "authorityKeyIdentifier",
    section: "4.2.1.1",
    roles: everybody,
    level: "strict",
    criticality: "not-critical",
    check: mustNameIssuerKey,
    code: invalid,
  },
  {
    extension: "subjectKeyIdentifier",
    section: "4.2.1.2",
    roles: issuers,
    level: "strict",
    presence: "required",
    criticality: "not-critical",
    code: invalid,
  },
  {
    extension: "subjectAltName",
    section: "4.2.1.6",
    roles: everybody,
    level: "strict",
    check: mustNameSubject,
    code: invalid,
  },
  {
    extension: "nameConstraints",
    section: "4.2.1.10",
    roles: issuers,
    level: "strict",
    criticality: "critical",
    check: mustUseDnsForm,
    code: invalid,
  },
  {
    extension: "nameConstraints",
    section: "4.2.1.10",
    roles: ["leaf"],
    level: "strict",
    presence: "forbidden",
    code: invalid,
  },
  {
    extension: "policyMappings",
    section: "4.2.1.5",
    roles: issuers,
    level: "strict",
    criticality: "critical",
    code: invalid,
  },
  {
    extension: "policyConstraints",
    section: "4.2.1.11",
    roles: issuers,
    level: "strict",
    criticality: "critical",
    code: invalid,
  },
  {
    extension: "inhibitAnyPolicy",
    section: "4.2.1.14",
    roles: issuers,
    level: "strict",
    criticality: "critical",
    code: invalid,
  },
  {
    extension: "authorityInfoAccess",
    section: "4.2.2.1",
    roles: everybody,
    level: "strict",
    criticality: "not-critical",
    code: invalid,
  },
];

/** A rule that a certificate breaks. */
export interface BrokenRule {
  readonly check: string;
  readonly code: PathDenialCode;
  /** A sentence that starts with a verb: `lacks basicConstraints`. */
  readonly detail: string;
  readonly rfc: string;
}

/** The first rule that the certificate breaks in this role, or undefined. */
export function brokenExtensionRule(
  certificate: Certificate,
  role: Role,
  rules: PathRules,
): BrokenRule | undefined {
  for (const { critical, oid: id } of certificate.extensions)
    if (critical && !isKnownExtension(id)) {
      const detail = `has the critical extension ${id}, which is not understood here`;
      return { check: "critical-extensions", code: invalid, detail, rfc: "RFC 5280 4.2" };
    }
  for (const rule of extensionRules) {
    if (!rule.roles.includes(role) || (rule.level === "strict" && rules.profile !== "strict")) continue;
    const detail = breach(certificate, rule, rules);
    if (detail !== undefined)
      return { check: kebabCase(rule.extension), code: rule.code, detail, rfc: `RFC 5280 ${rule.section}` };
  }
  return undefined;
}

function breach(certificate: Certificate, rule: ExtensionRule, rules: PathRules): string | undefined {
  const found = certificate.extensions.find((extension) => extension.oid === oid[rule.extension]);
  if (rule.presence === "required" && found === undefined) return `lacks ${rule.extension}`;
  if (rule.presence === "forbidden" && found !== undefined)
    return `has ${rule.extension}, which its role forbids`;
  if (
    found !== undefined &&
    rule.criticality !== undefined &&
    found.critical !== (rule.criticality === "critical")
  )
    return `has ${rule.extension} marked ${found.critical ? "critical" : "not critical"}`;
  return rule.check?.(certificate, rules);
}

const kebabCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function mustBeCa(certificate: Certificate): string | undefined {
  return certificate.isCa ? undefined : "is not a CA by its basicConstraints";
}

function mustNotBeCa(certificate: Certificate, rules: PathRules): string | undefined {
  return certificate.isCa && rules.caAsLeaf === "refuse" ? "is a CA certificate, not a client's" : undefined;
}

function mustSignCertificates({ known }: Certificate): string | undefined {
  return known.keyUsage?.has("keyCertSign") === false ? "may not sign certificates (keyCertSign)" : undefined;
}

function mustSignCrls({ known }: Certificate): string | undefined {
  return known.keyUsage?.has("cRLSign") === false ? "may not sign CRLs (cRLSign)" : undefined;
}

function mustSignHandshakes({ known }: Certificate, rules: PathRules): string | undefined {
  return rules.purpose === "client-auth" && known.keyUsage?.has("digitalSignature") === false
    ? "may not sign a TLS handshake (digitalSignature)"
    : undefined;
}

function mustHavePurpose({ known }: Certificate, rules: PathRules): string | undefined {
  if (rules.purpose === "any") return undefined;
  if (known.extendedKeyUsage === undefined)
    return rules.absentExtendedKeyUsage === "refuse" ? "states no extended key usage" : undefined;
  return servesClients(known.extendedKeyUsage, rules)
    ? undefined
    : "is not meant for TLS clients (clientAuth)";
}

function mustNotExcludePurpose({ known }: Certificate, rules: PathRules): string | undefined {
  if (rules.purpose === "any" || rules.issuerExtendedKeyUsage === "ignored") return undefined;
  return known.extendedKeyUsage === undefined || servesClients(known.extendedKeyUsage, rules)
    ? undefined
    : "is limited to other usages than TLS clients (clientAuth)";
}

const servesClients = (purposes: readonly string[], rules: PathRules): boolean =>
  purposes.includes(oid.clientAuth) ||
  (rules.anyExtendedKeyUsage === "accept" && purposes.includes(oid.anyExtendedKeyUsage));

function mustNotHideQualifiers({ known, extensions }: Certificate): string | undefined {
  const critical = extensions.some(({ oid: id, critical }) => id === oid.certificatePolicies && critical);
  return critical && known.certificatePolicies?.unknownQualifier === true
    ? "has critical certificatePolicies with a qualifier that is not understood here"
    : undefined;
}

function mustNotLimitPath({ known, isCa }: Certificate): string | undefined {
  return !isCa && known.basicConstraints?.pathLength !== undefined
    ? "limits a path although it is no CA"
    : undefined;
}

function mustNotSignAsLeaf({ known, isCa }: Certificate): string | undefined {
  return !isCa && known.keyUsage?.has("keyCertSign") === true
    ? "may sign certificates although it is no CA"
    : undefined;
}

function mustNameIssuerKey({ known, isSelfIssued }: Certificate): string | undefined {
  return !isSelfIssued && known.authorityKeyIdentifier?.keyIdentifier === undefined
    ? "does not identify its issuer's key"
    : undefined;
}

function mustNameSubject({ subject, known, extensions, isCa }: Certificate): string | undefined {
  if (subject.isEmpty && isCa) return "is a CA without a subject";
  const critical = extensions.some(({ oid: id, critical }) => id === oid.subjectAltName && critical);
  if (subject.isEmpty && !critical) return "has neither a subject nor a critical subjectAltName";
  const odd = known.subjectAltName?.some((name) => name.kind === "dns" && !isPreferredName(name.value));
  return odd === true ? "has a DNS name outside the preferred name syntax" : undefined;
}

function mustUseDnsForm({ known }: Certificate): string | undefined {
  const { permitted = [], excluded = [] } = known.nameConstraints ?? {};
  const dotted = [...permitted, ...excluded].some(
    (name) => name.kind === "dns" && name.value.startsWith("."),
  );
  return dotted ? "has a DNS constraint with a leading period" : undefined;
}

/** RFC 1034 3.5 as RFC 1123 2.1 changed it, wildcards apart; four numbers are an address, not a name. */
const isPreferredName = (name: string): boolean =>
  /^(?:\*\.)?(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/i.test(name) &&
  !/^[0-9.]+$/.test(name);
