import { randomBytes } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import { GatewayError } from "../../kernel/errors.ts";
import type { Certificate } from "../../pki/certificate.ts";
import { certIdOf } from "../../pki/ocsp-cert-id.ts";
import { checkOcspResponse, type NoncePolicy, type OcspAnswer } from "../../pki/ocsp-check.ts";
import { encodeOcspRequest, nonceLength } from "../../pki/ocsp-request.ts";
import type { PathRules } from "../../pki/verify-path.ts";
import type { OcspTransport } from "./ocsp-transport.ts";

export interface AskingOptions {
  readonly clock: Clock;
  readonly transport: OcspTransport;
  /** Asked in place of the responder that a certificate names. */
  readonly responderUrl?: string;
  readonly noncePolicy: NoncePolicy;
  /** Milliseconds for one certificate, waiting for its turn included. */
  readonly timeoutMs: number;
  /** Milliseconds since thisUpdate for which an answer without nextUpdate counts, and after which any is asked for again. */
  readonly maxAgeMs: number;
  readonly rules: PathRules;
}

/** A second responder is a fallback; a certificate that names many is no reason to knock at each. */
const maximumResponders = 2;
/** Longer than any real one. */
const maximumUrlLength = 2048;

/** Where a certificate's status is asked for, the first choice first. Empty: nowhere. */
export function respondersOf({ known }: Certificate, responderUrl: string | undefined): readonly string[] {
  if (responderUrl !== undefined) return [responderUrl];
  return (known.ocspUrls ?? [])
    .filter((url) => /^https?:\/\//i.test(url) && url.length <= maximumUrlLength && URL.canParse(url))
    .slice(0, maximumResponders);
}

/**
 * Asks until a responder gives an answer that counts.
 * @throws GatewayError `revocation_unavailable`; its message may be told to the caller, its cause is for the log alone
 */
export async function askResponder(
  certificate: Certificate,
  issuer: Certificate,
  options: AskingOptions,
  signal: AbortSignal,
): Promise<OcspAnswer> {
  const urls = respondersOf(certificate, options.responderUrl);
  // SHA-1 alone: many responders know no other CertID (RFC 5019 2.1.1). See `certIdOf` why that is harmless.
  const id = certIdOf(certificate, issuer, "sha1");
  const faults: Error[] = [];
  let sentence = "its OCSP responder could not be reached";
  for (const url of urls) {
    // One that hangs must leave time for the other.
    const ending = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs / urls.length)]);
    const nonce = randomBytes(nonceLength);
    try {
      const response = await options.transport.post(url, encodeOcspRequest(id, nonce), ending);
      const { clock, noncePolicy, maxAgeMs: maximumAgeMs, rules } = options;
      const question = { certificate, issuer, nonce, noncePolicy, at: clock.now(), maximumAgeMs, rules };
      const answer = checkOcspResponse(response, question);
      if (typeof answer !== "string") return answer;
      sentence = `OCSP: ${answer}`;
      faults.push(new Error(`${url}: ${answer}`));
    } catch (cause) {
      signal.throwIfAborted();
      if (ending.aborted) sentence = "its OCSP responder did not answer in time";
      faults.push(new Error(url, { cause }));
    }
  }
  throw new GatewayError("revocation_unavailable", sentence, { cause: new AggregateError(faults, "") });
}
