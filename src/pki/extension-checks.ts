import type { Certificate } from "./certificate.ts";
import type { Extension } from "./extensions.ts";
import { oid } from "./object-identifiers.ts";
import type { PathRules } from "./path-rules.ts";

/**
 * What an extension must say. Each returns what is wrong with the certificate, in words that follow its name ("is not
 * a CA"), or undefined. When each of them applies stands in the table of `extension-rules.ts`.
 */
export type ExtensionCheck = (certificate: Certificate, rules: PathRules) => string | undefined;

export function mustBeCa(certificate: Certificate): string | undefined {
  return certificate.isCa ? undefined : "is not a CA by its basicConstraints";
}

export function mustNotBeCa(certificate: Certificate, rules: PathRules): string | undefined {
  return certificate.isCa && rules.caAsLeaf === "refuse" ? "is a CA certificate, not a client's" : undefined;
}

export function mustSignCertificates({ known }: Certificate): string | undefined {
  return known.keyUsage?.has("keyCertSign") === false ? "may not sign certificates (keyCertSign)" : undefined;
}

export function mustSignCrls({ known }: Certificate): string | undefined {
  return known.keyUsage?.has("cRLSign") === false ? "may not sign CRLs (cRLSign)" : undefined;
}

export function mustSignHandshakes({ known }: Certificate, rules: PathRules): string | undefined {
  return rules.purpose === "client-auth" && known.keyUsage?.has("digitalSignature") === false
    ? "may not sign a TLS handshake (digitalSignature)"
    : undefined;
}

export function mustHavePurpose({ known }: Certificate, rules: PathRules): string | undefined {
  if (rules.purpose === "any") return undefined;
  if (known.extendedKeyUsage === undefined)
    return rules.absentExtendedKeyUsage === "refuse" ? "states no extended key usage" : undefined;
  return servesClients(known.extendedKeyUsage, rules)
    ? undefined
    : "is not meant for TLS clients (clientAuth)";
}

export function mustNotExcludePurpose({ known }: Certificate, rules: PathRules): string | undefined {
  if (rules.purpose === "any" || rules.issuerExtendedKeyUsage === "ignored") return undefined;
  return known.extendedKeyUsage === undefined || servesClients(known.extendedKeyUsage, rules)
    ? undefined
    : "is limited to other usages than TLS clients (clientAuth)";
}

const servesClients = (purposes: readonly string[], rules: PathRules): boolean =>
  purposes.includes(oid.clientAuth) ||
  (rules.anyExtendedKeyUsage === "accept" && purposes.includes(oid.anyExtendedKeyUsage));

export function mustNotHideQualifiers({ known, extensions }: Certificate): string | undefined {
  return isCritical(extensions, oid.certificatePolicies) &&
    known.certificatePolicies?.unknownQualifier === true
    ? "has critical certificatePolicies with a qualifier that is not understood here"
    : undefined;
}

/** Whoever put constraints on names into a leaf meant a CA, or meant something that we cannot see. */
export function mustNotConstrainAsLeaf({ known, isCa }: Certificate): string | undefined {
  return !isCa && known.nameConstraints !== undefined ? "constrains names although it is no CA" : undefined;
}

export function mustNotLimitPath({ known, isCa }: Certificate): string | undefined {
  return !isCa && known.basicConstraints?.pathLength !== undefined
    ? "limits a path although it is no CA"
    : undefined;
}

export function mustNotSignAsLeaf({ known, isCa }: Certificate): string | undefined {
  return !isCa && known.keyUsage?.has("keyCertSign") === true
    ? "may sign certificates although it is no CA"
    : undefined;
}

export function mustNameIssuerKey({ known, isSelfIssued }: Certificate): string | undefined {
  return !isSelfIssued && known.authorityKeyIdentifier?.keyIdentifier === undefined
    ? "does not identify its issuer's key"
    : undefined;
}

export function mustNameSubject({ subject, known, extensions, isCa }: Certificate): string | undefined {
  if (subject.isEmpty && isCa) return "is a CA without a subject";
  if (subject.isEmpty && !isCritical(extensions, oid.subjectAltName))
    return "has neither a subject nor a critical subjectAltName";
  const odd = known.subjectAltName?.some((name) => name.kind === "dns" && !isPreferredName(name.value));
  return odd === true ? "has a DNS name outside the preferred name syntax" : undefined;
}

export function mustUseDnsForm({ known }: Certificate): string | undefined {
  const { permitted = [], excluded = [] } = known.nameConstraints ?? {};
  const dotted = [...permitted, ...excluded].some(
    (name) => name.kind === "dns" && name.value.startsWith("."),
  );
  return dotted ? "has a DNS constraint with a leading period" : undefined;
}

const isCritical = (extensions: readonly Extension[], id: string): boolean =>
  extensions.some((extension) => extension.oid === id && extension.critical);

/** RFC 1034 3.5 as RFC 1123 2.1 changed it, wildcards apart; four numbers are an address, not a name. */
const isPreferredName = (name: string): boolean =>
  /^(?:\*\.)?(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/i.test(name) &&
  !/^[0-9.]+$/.test(name);
