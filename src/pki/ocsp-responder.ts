import { createHash } from "node:crypto";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { checkCertificate, keyWeakness } from "./certificate-checks.ts";
import { oid } from "./object-identifiers.ts";
import { subjectPublicKeyOf } from "./ocsp-cert-id.ts";
import type { BasicOcspResponse, ResponderId } from "./ocsp-response.ts";
import { subjectOf } from "./path-failure.ts";
import type { PathRules } from "./path-rules.ts";
import { PkiError } from "./pki-error.ts";
import { verifySignature } from "./signature-algorithms.ts";

/** What an issuer demands of who answers for it. */
export interface ResponderFacts {
  /** Whose certificate is asked about: its key signed that one. */
  readonly issuer: Certificate;
  /** Epoch ms. */
  readonly at: number;
  readonly rules: PathRules;
}

/**
 * Who signed a response with the right to (RFC 6960 4.2.2.2): the issuer itself, or a responder that the issuer's same
 * key certified for it. A responder that is trusted by local configuration alone is not supported: nobody but the
 * issuer decides who speaks for it.
 * @returns until when that right holds, epoch ms; or a sentence why nobody had it
 */
export function findOcspSigner(
  response: BasicOcspResponse,
  facts: ResponderFacts,
): { readonly validUntil: number } | string {
  const { issuer, rules } = facts;
  const { signatureAlgorithm } = response;
  if (!signatureAlgorithm.supported || !rules.signatureAlgorithms.includes(signatureAlgorithm.scheme.name))
    return "it is signed with an algorithm that is not accepted";

  let problem = "no certificate of the responder that it names is in it";
  for (const signer of [issuer, ...delegatesIn(response, issuer)]) {
    if (!isResponder(signer, response.responderId)) continue;
    const lacking = signer === issuer ? weaknessOf(issuer, rules) : whyNotDelegated(signer, facts);
    if (lacking !== undefined) problem = lacking;
    else if (!verifySignature(response.toBeSigned, signatureAlgorithm, response.signature, signer.publicKey))
      problem = "its signature is not the one of the responder that it names";
    // notAfter is inclusive to the second. The issuer's own end is part of the path's verdict anyway.
    else return { validUntil: signer.notAfter + 999 };
  }
  return problem;
}

/** The certificates in a response; one that is unreadable proves as little as one that is absent. */
function delegatesIn({ certificates }: BasicOcspResponse, issuer: Certificate): Certificate[] {
  return certificates.flatMap((der) => {
    if (Buffer.compare(der, issuer.der) === 0) return [];
    try {
      return [parseCertificate(der)];
    } catch (error) {
      if (error instanceof PkiError) return [];
      throw error;
    }
  });
}

function isResponder({ subject, publicKey }: Certificate, id: ResponderId): boolean {
  if (id.by === "name") return id.name.equals(subject);
  return Buffer.compare(createHash("sha1").update(subjectPublicKeyOf(publicKey)).digest(), id.keyHash) === 0;
}

const weaknessOf = (issuer: Certificate, rules: PathRules): string | undefined => {
  const weakness = keyWeakness(issuer.publicKey, rules);
  return weakness === undefined ? undefined : `its signer ${subjectOf(issuer)} ${weakness}`;
};

/** A sentence why a certificate does not make its holder speak for the issuer, or undefined. */
function whyNotDelegated(responder: Certificate, { issuer, at, rules }: ResponderFacts): string | undefined {
  const name = `its signer ${subjectOf(responder)}`;
  if (!responder.issuer.equals(issuer.subject))
    return `${name} was not certified by the certificate's own issuer`;
  // Everything that is asked of a leaf but the purpose, which is another one here.
  const failure = checkCertificate(responder, "leaf", at, { ...rules, purpose: "any" });
  if (failure !== undefined) return `its signer ${failure.detail}`;
  // anyExtendedKeyUsage does not do: the delegation must be meant (RFC 6960 4.2.2.2).
  if (responder.known.extendedKeyUsage?.includes(oid.ocspSigning) !== true)
    return `${name} is not certified for OCSP signing (id-kp-OCSPSigning)`;
  if (responder.known.keyUsage?.has("digitalSignature") === false)
    return `${name} may not make digital signatures (keyUsage)`;
  // RFC 6960 4.2.2.2.1: without this extension the responder's own status would have to be known first.
  if (!responder.extensions.some((extension) => extension.oid === oid.ocspNoCheck))
    return `${name} has no id-pkix-ocsp-nocheck, and its own revocation is not looked up here`;
  if (!responder.isSignedBy(issuer)) return `${name} was not certified by the certificate's own issuer`;
  return undefined;
}
