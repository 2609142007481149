import type { Certificate } from "./certificate.ts";
import { formatInstant } from "./der-time.ts";
import { brokenExtensionRule, type Role } from "./extension-rules.ts";
import { type PathFailure, subjectOf } from "./path-failure.ts";
import type { PathRules } from "./path-rules.ts";
import type { PublicKey } from "./public-key.ts";

/**
 * Everything about one certificate that does not depend on the rest of its path: validity, algorithms, names,
 * extensions. Anchors are checked like everybody else (RFC 5280 leaves it open); only their own signature, on which
 * nothing rests, may be of any algorithm.
 */
export function checkCertificate(
  certificate: Certificate,
  role: Role,
  at: number,
  rules: PathRules,
): PathFailure | undefined {
  const stage = role === "leaf" || role === "crl-signer" ? "leaf" : "issuers";
  const fail = (code: PathFailure["code"], check: string, what: string, rfc: string): PathFailure => ({
    code,
    stage,
    check,
    detail: `${subjectOf(certificate)} ${what}`,
    certificate,
    rfc,
  });

  // RFC 5280 4.1.2.5: inclusive at both ends, at a granularity of seconds. An instant that is no number is past both.
  const second = Math.floor(at / 1000) * 1000;
  if (!(second <= certificate.notAfter))
    return fail(
      "client_certificate_expired",
      "validity",
      `expired at ${formatInstant(certificate.notAfter)}`,
      "RFC 5280 6.1.3(a)(2)",
    );
  if (!(second >= certificate.notBefore))
    return fail(
      "client_certificate_not_yet_valid",
      "validity",
      `is not valid before ${formatInstant(certificate.notBefore)}`,
      "RFC 5280 6.1.3(a)(2)",
    );
  const broken = brokenExtensionRule(certificate, role, rules);
  if (broken !== undefined) return fail(broken.code, broken.check, broken.detail, broken.rfc);
  if (certificate.issuer.isEmpty)
    return fail("client_certificate_invalid", "issuer-name", "names no issuer", "RFC 5280 4.1.2.4");
  if (rules.profile === "strict" && !hasConformingSerial(certificate))
    return fail(
      "client_certificate_invalid",
      "serial-number",
      "has a serial number that is not positive or longer than 20 octets",
      "RFC 5280 4.1.2.2",
    );
  const weakKey = keyWeakness(certificate.publicKey, rules);
  if (weakKey !== undefined)
    return fail("client_certificate_invalid", "public-key", weakKey, "RFC 5280 6.1.4(f), the key allow-list");
  const weakSignature = role === "anchor" ? undefined : signatureWeakness(certificate, rules);
  if (weakSignature !== undefined)
    return fail(
      "client_certificate_invalid",
      "signature-algorithm",
      weakSignature,
      "RFC 5280 6.1.3(a)(1), the algorithm allow-list",
    );
  return undefined;
}

/** What is wrong with a key, or undefined. */
export function keyWeakness(key: PublicKey, rules: PathRules): string | undefined {
  if (key.kind === undefined) return `has a public key of a kind that is not accepted (${key.algorithm})`;
  if (key.rsa === undefined) return undefined;
  if (!(key.rsa.bits >= rules.minimumRsaBits))
    return `has an RSA key of ${key.rsa.bits} bits, less than ${rules.minimumRsaBits}`;
  // The cost of one check grows with the cube of it; ring and Go's crypto/tls stop at 8192 as well.
  if (key.rsa.bits > 8192) return `has an RSA key of ${key.rsa.bits} bits, more than 8192`;
  return key.rsa.saneExponent ? undefined : "has an RSA key with an exponent that is even, 1 or over 33 bits";
}

function signatureWeakness({ signatureAlgorithm }: Certificate, rules: PathRules): string | undefined {
  if (!signatureAlgorithm.supported)
    return `is signed with an algorithm that is not accepted (${signatureAlgorithm.identifier})`;
  const { name } = signatureAlgorithm.scheme;
  return rules.signatureAlgorithms.includes(name)
    ? undefined
    : `is signed with ${name}, which is switched off here`;
}

const hasConformingSerial = ({ serial }: Certificate): boolean =>
  (serial[0] as number) < 0x80 &&
  serial.some((byte) => byte !== 0) &&
  serial.length <= (serial[0] === 0 ? 21 : 20);
