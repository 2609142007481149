import type { Certificate } from "./certificate.ts";
import {
  type ExtensionCheck,
  mustBeCa,
  mustHavePurpose,
  mustNameIssuerKey,
  mustNameSubject,
  mustNotConstrainAsLeaf,
  mustNotBeCa,
  mustNotExcludePurpose,
  mustNotHideQualifiers,
  mustNotLimitPath,
  mustNotSignAsLeaf,
  mustSignCertificates,
  mustSignCrls,
  mustSignHandshakes,
  mustUseDnsForm,
} from "./extension-checks.ts";
import { isKnownExtension } from "./extensions.ts";
import { oid } from "./object-identifiers.ts";
import type { PathDenialCode } from "./path-failure.ts";
import type { PathRules } from "./path-rules.ts";

/** Where in a path a certificate stands. A CRL signer is a leaf that is asked for cRLSign instead of a purpose. */
export type Role = "leaf" | "crl-signer" | "intermediate" | "anchor";

interface Demand {
  readonly presence?: "required";
  readonly criticality?: "critical" | "not-critical";
  readonly check?: ExtensionCheck;
  /** Default client_certificate_invalid. */
  readonly code?: PathDenialCode;
}

export interface ExtensionRule extends Demand {
  readonly extension: keyof typeof oid;
  readonly roles: readonly Role[];
  /** Of RFC 5280, unless it says otherwise. */
  readonly section: string;
  /**
   * `always`: path validation needs it (section 6), or every implementation does it. `strict`: a rule for issuers only
   * (section 4); breaking it endangers nobody here, and private PKIs often do.
   */
  readonly level: "always" | "strict";
}

type MakeRule = (
  extension: ExtensionRule["extension"],
  roles: readonly Role[],
  section: string,
  demand: Demand,
) => ExtensionRule;
const always: MakeRule = (extension, roles, section, demand) => ({
  extension,
  roles,
  section,
  ...demand,
  level: "always",
});
const strict: MakeRule = (extension, roles, section, demand) => ({
  extension,
  roles,
  section,
  ...demand,
  level: "strict",
});

const ca: readonly Role[] = ["intermediate", "anchor"];
const leaf: readonly Role[] = ["leaf"];
const all: readonly Role[] = ["leaf", "crl-signer", "intermediate", "anchor"];
const code = "client_certificate_wrong_usage";

/** One row a rule. Path-wide rules (path length, name constraints, policies) are in `path-checks.ts`. */
export const extensionRules: readonly ExtensionRule[] = [
  // What makes a CA a CA.
  always("basicConstraints", ca, "6.1.4(k)", { presence: "required", check: mustBeCa }),
  always("keyUsage", ca, "6.1.4(n)", { check: mustSignCertificates }),
  // NOTE: no RFC says that a CA's extKeyUsage limits what is below it; every TLS library acts as if one did.
  always("extKeyUsage", ca, "4.2.1.12, by custom", { check: mustNotExcludePurpose, code }),

  // What makes a leaf a client, or the signer of a CRL.
  always("basicConstraints", leaf, "4.2.1.9", { check: mustNotBeCa, code }),
  always("keyUsage", leaf, "4.2.1.3, RFC 8446 4.4.2.2", { check: mustSignHandshakes, code }),
  always("extKeyUsage", leaf, "4.2.1.12", { check: mustHavePurpose, code }),
  // NOTE: 6.3.3(f) takes a signer without keyUsage too; a client that was named like a CA must not revoke for it.
  always("keyUsage", ["crl-signer"], "6.3.3(f)", { presence: "required", check: mustSignCrls }),

  // What must be understood.
  always("certificatePolicies", all, "4.2.1.4", { check: mustNotHideQualifiers }),
  always("nameConstraints", leaf, "4.2.1.10", { check: mustNotConstrainAsLeaf }),

  // What issuers must do, and we can do without.
  strict("authorityKeyIdentifier", all, "4.2.1.1", { criticality: "not-critical", check: mustNameIssuerKey }),
  strict("subjectKeyIdentifier", ca, "4.2.1.2", { presence: "required", criticality: "not-critical" }),
  strict("keyUsage", ca, "4.2.1.3", { presence: "required" }),
  strict("keyUsage", leaf, "4.2.1.3", { check: mustNotSignAsLeaf }),
  strict("policyMappings", ca, "4.2.1.5", { criticality: "critical" }),
  strict("subjectAltName", all, "4.2.1.6", { check: mustNameSubject }),
  strict("basicConstraints", ca, "4.2.1.9", { criticality: "critical" }),
  strict("basicConstraints", leaf, "4.2.1.9", { check: mustNotLimitPath }),
  strict("nameConstraints", ca, "4.2.1.10", { criticality: "critical", check: mustUseDnsForm }),
  strict("policyConstraints", ca, "4.2.1.11", { criticality: "critical" }),
  strict("inhibitAnyPolicy", ca, "4.2.1.14", { criticality: "critical" }),
  strict("authorityInfoAccess", all, "4.2.2.1", { criticality: "not-critical" }),
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
      return {
        check: "critical-extensions",
        code: "client_certificate_invalid",
        detail,
        rfc: "RFC 5280 4.2",
      };
    }
  for (const rule of extensionRules) {
    if (!rule.roles.includes(role) || (rule.level === "strict" && rules.profile !== "strict")) continue;
    const detail = breach(certificate, rule, rules);
    if (detail !== undefined)
      return {
        check: kebabCase(rule.extension),
        code: rule.code ?? "client_certificate_invalid",
        detail,
        rfc: `RFC 5280 ${rule.section}`,
      };
  }
  return undefined;
}

function breach(certificate: Certificate, rule: ExtensionRule, rules: PathRules): string | undefined {
  const found = certificate.extensions.find((extension) => extension.oid === oid[rule.extension]);
  if (rule.presence === "required" && found === undefined) return `lacks ${rule.extension}`;
  if (
    found !== undefined &&
    rule.criticality !== undefined &&
    found.critical !== (rule.criticality === "critical")
  )
    return `has ${rule.extension} marked ${found.critical ? "critical" : "not critical"}`;
  return rule.check?.(certificate, rules);
}

const kebabCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
