import type { X509Certificate } from "node:crypto";

import { describeFault } from "../../kernel/errors.ts";
import { parseCertificate } from "../../pki/certificate.ts";
import { parseCrl } from "../../pki/crl.ts";
import { decodePem } from "../../pki/pem.ts";
import { crlPlan, dayMs, type LeafPlan } from "./plan.ts";
import type { StoredCertificate } from "./stored-certificate.ts";

/** Why a stored CA must be made anew; undefined when it is good. `issuer`: absent for a root. */
export function faultOfAuthority(
  stored: StoredCertificate,
  commonName: string,
  issuer: X509Certificate | undefined,
): string | undefined {
  const [certificate] = stored.chain;
  if (!certificate.ca || !hasName(certificate, commonName)) return "it was something else";
  return certificate.verify((issuer ?? certificate).publicKey) ? undefined : "its issuer was made anew";
}

/** Why a stored leaf must be made anew, its dates apart; undefined when it is good. */
export function faultOfLeaf(
  stored: StoredCertificate,
  plan: LeafPlan,
  intermediate: X509Certificate,
): string | undefined {
  const [leaf, above, ...rest] = stored.chain;
  const purpose = plan.extendedKeyUsage === "clientAuth" ? "1.3.6.1.5.5.7.3.2" : "1.3.6.1.5.5.7.3.1";
  if (leaf.ca || rest.length > 0 || !hasName(leaf, plan.commonName) || leaf.keyUsage?.join() !== purpose)
    return "it was something else";
  const named = plan.subjectAltNames.every(({ type, value }) =>
    type === "ip" ? leaf.checkIP(value) !== undefined : leaf.checkHost(value) !== undefined,
  );
  if (!named) return "it lacked a name";
  if (plan.issuer === "self")
    return above === undefined && leaf.verify(leaf.publicKey) ? undefined : "it was something else";
  if (above === undefined || !leaf.verify(above.publicKey)) return "its intermediate was missing";
  const ours = above.fingerprint256 === intermediate.fingerprint256;
  return ours === (plan.issuer === "intermediate") ? undefined : "its issuer was made anew";
}

/** Why a stored CRL must be issued anew; undefined when it is good. */
export function faultOfCrl(
  pem: string | undefined,
  issuer: X509Certificate,
  revoked: readonly X509Certificate[],
  now: number,
): string | undefined {
  if (pem === undefined) return "absent";
  try {
    const [der, ...more] = decodePem(pem, "X509 CRL");
    if (der === undefined || more.length > 0) return "its file did not hold one CRL";
    const crl = parseCrl(der);
    if (!crl.isSignedBy(parseCertificate(issuer.raw).publicKey)) return "its issuer was made anew";
    if (crl.thisUpdate > now) return "it was made in the future";
    if ((crl.nextUpdate ?? 0) - now < crlPlan.renewBeforeDays * dayMs) return "it was about to expire";
    const missing = revoked.some((one) => crl.lookup(parseCertificate(one.raw)) === undefined);
    return missing ? "it lacked a revoked certificate" : undefined;
  } catch (error) {
    return `its file was damaged (${describeFault(error)})`;
  }
}

const hasName = (certificate: X509Certificate, commonName: string): boolean =>
  certificate.subject.split("\n").includes(`CN=${commonName}`);
