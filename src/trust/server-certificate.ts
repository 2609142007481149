import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { GatewayError } from "../kernel/errors.ts";
import type { ServerCertificate } from "./ports.ts";

/**
 * Puts a server certificate together out of certificates in any order and its private key: the leaf is the one whose
 * key it is, each issuer follows. Certificates of other chains, and the root, are left out: nobody needs them in a
 * handshake.
 * @throws GatewayError `trust_unavailable` when no certificate belongs to the key
 */
export function assembleServerCertificate(
  certificates: readonly X509Certificate[],
  privateKey: KeyObject,
): ServerCertificate {
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(privateKey));
  if (leaf === undefined)
    throw new GatewayError(
      "trust_unavailable",
      `the private key belongs to none of the ${certificates.length} certificates beside it`,
    );
  return {
    certificateChainPem: chainFrom(leaf, certificates).map(String).join(""),
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }),
    notAfter: leaf.validToDate.getTime(),
  };
}

/**
 * A last look before a certificate is put in front of callers: the one in use is better than one that they would
 * refuse.
 * @throws GatewayError `trust_unavailable` that says what is wrong with it
 */
export function checkServerCertificate(candidate: ServerCertificate, now: number): void {
  let leaf: X509Certificate;
  let key: KeyObject;
  try {
    // Reads the first block: the leaf.
    leaf = new X509Certificate(candidate.certificateChainPem);
    key = createPrivateKey(candidate.privateKeyPem);
  } catch (fault) {
    throw refuse("or its private key cannot be read", fault);
  }
  if (!leaf.checkPrivateKey(key)) throw refuse("does not belong to its private key");
  if (now < leaf.validFromDate.getTime())
    throw refuse(`is not valid before ${leaf.validFromDate.toISOString()}`);
  if (now > leaf.validToDate.getTime()) throw refuse(`expired at ${leaf.validToDate.toISOString()}`);
}

function chainFrom(leaf: X509Certificate, all: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf];
  for (let at: X509Certificate | undefined = leaf; at !== undefined;) {
    const child: X509Certificate = at;
    at = all.find(
      (other) =>
        !chain.some((taken) => taken.raw.equals(other.raw)) &&
        !isSelfSigned(other) &&
        child.checkIssued(other) &&
        child.verify(other.publicKey),
    );
    if (at !== undefined) chain.push(at);
  }
  return chain;
}

const isSelfSigned = (certificate: X509Certificate): boolean =>
  certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);

const refuse = (why: string, cause?: unknown): GatewayError =>
  new GatewayError("trust_unavailable", `the server certificate ${why}`, { cause });
