import type { Certificate } from "./certificate.ts";
import type { Crl } from "./crl.ts";
import {
  allReasons,
  type DistributionPoint,
  type DistributionPointName,
  type ReasonMask,
} from "./distribution-point.ts";
import type { GeneralName } from "./general-name.ts";
import type { Name } from "./name.ts";
import { relativeNameKey } from "./name.ts";

/**
 * The distribution points under which a certificate's status may be found: its own, and then the one that RFC 5280
 * 6.3.3 adds for CRLs that its issuer publishes elsewhere.
 */
export function distributionPointsOf({ known, issuer }: Certificate): readonly DistributionPoint[] {
  const implied: DistributionPoint = {
    name: { kind: "full", names: [{ kind: "directory", value: issuer }] },
  };
  return [...(known.crlDistributionPoints ?? []), implied];
}

/** Whose CRLs count for a distribution point: the issuer's own, unless it names others. */
export function crlIssuersOf(point: DistributionPoint, certificate: Certificate): readonly Name[] {
  if (point.crlIssuer === undefined) return [certificate.issuer];
  return point.crlIssuer.flatMap((name) => (name.kind === "directory" ? [name.value] : []));
}

/**
 * The revocation reasons for which this CRL answers for a certificate under a distribution point (RFC 5280 6.3.3 (b)
 * and (d)), or a sentence why it does not answer.
 */
export function reasonsCovered(
  crl: Crl,
  point: DistributionPoint,
  certificate: Certificate,
): ReasonMask | string {
  const asked = point.reasons ?? allReasons;
  const { scope } = crl;
  // (b)(1): another issuer's CRL counts only where both the certificate and the CRL say so.
  if (point.crlIssuer !== undefined && scope?.indirect !== true) return "is not an indirect CRL";
  if (scope === undefined) return asked;
  if (scope.name !== undefined && !namesMeet(scope.name, crl.issuer, point, certificate))
    return "is for another distribution point";
  if (scope.only === "attribute-certificates") return "is for attribute certificates only";
  if (scope.only !== "all") {
    // Before v3 a certificate cannot say what it is, so a CRL for one kind cannot be known to cover it.
    if (certificate.version !== 3)
      return "is for one kind of certificate, and this one does not say which it is";
    if ((scope.only === "ca-certificates") !== certificate.isCa)
      return `is for ${scope.only === "ca-certificates" ? "CA" : "end-entity"} certificates only`;
  }
  return asked & scope.reasons;
}

/** (b)(2)(i): one name of the CRL's distribution point is one of the certificate's; without a name, its CRL issuers'. */
function namesMeet(
  scopeName: DistributionPointName,
  crlIssuer: Name,
  point: DistributionPoint,
  certificate: Certificate,
): boolean {
  const scopeKeys = new Set(keysOf(scopeName, crlIssuer));
  const pointKeys =
    point.name === undefined
      ? (point.crlIssuer ?? []).map(generalNameKey)
      : crlIssuersOf(point, certificate).flatMap((issuer) =>
          keysOf(point.name as DistributionPointName, issuer),
        );
  return pointKeys.some((key) => key !== undefined && scopeKeys.has(key));
}

/** Comparison keys of a distribution point's names; a relative one continues the CRL issuer's name. */
function keysOf(name: DistributionPointName, crlIssuer: Name): (string | undefined)[] {
  if (name.kind === "full") return name.names.map(generalNameKey);
  return [`directory:${[...crlIssuer.rdnKeys, relativeNameKey(name.rdn)].join("\u0000")}`];
}

/** undefined for the forms that nobody publishes CRLs under: they then meet nothing. */
function generalNameKey(name: GeneralName): string | undefined {
  if (name.kind === "directory") return `directory:${name.value.key}`;
  return name.kind === "uri" || name.kind === "dns" || name.kind === "email"
    ? `${name.kind}:${name.value}`
    : undefined;
}
