import { createHash, type KeyObject } from "node:crypto";
import type { Authority, IssuedCertificate } from "../../src/dev/pki/authority.ts";
import {
  bitString,
  derNull,
  derTrue,
  enumerated,
  explicit,
  integer,
  octetString,
  oid,
  sequence,
  sequenceOf,
  tlv,
} from "../../src/dev/pki/der.ts";
import { derSignerOf, type SigningOptions } from "../../src/dev/pki/signature.ts";

export interface SingleOptions {
  readonly serial: string;
  /** Default good. */
  readonly status?: "good" | "unknown" | { readonly revokedAt: Date; readonly reason?: number };
  /** Default one minute ago. */
  readonly thisUpdate?: Date;
  /** Default one hour ahead; null leaves it out. */
  readonly nextUpdate?: Date | null;
  /** Default SHA-1. */
  readonly hash?: "sha1" | "sha256";
  /** Whose name and key are hashed; default the signer's side `issuer`. */
  readonly issuer?: Authority;
  readonly extensions?: readonly Uint8Array[];
}

export interface ResponseOptions {
  readonly issuer: Authority;
  readonly answers: readonly SingleOptions[];
  /** Default the issuer. */
  readonly signer?: IssuedCertificate;
  /** Default: by key. */
  readonly responderId?: "key" | { readonly name: Uint8Array };
  /** Whose key hash the responderID carries; default the signer's. */
  readonly responderKey?: KeyObject;
  /** Default: the signer's, unless it is the issuer. */
  readonly certificates?: readonly Uint8Array[];
  readonly nonce?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  readonly signing?: SigningOptions;
  /** Changes ResponseData after it was signed. */
  readonly tamper?: (data: Buffer) => Buffer;
}

/** Signs an OCSPResponse (RFC 6960 4.2.1), also one that no responder should send. */
export function makeOcspResponse(options: ResponseOptions): Buffer {
  const { issuer, signer = issuer, responderId = "key" } = options;
  const extensions = [
    ...(options.nonce === undefined ? [] : [extension("1.3.6.1.5.5.7.48.1.2", octetString(options.nonce))]),
    ...(options.extensions ?? []),
  ];
  const data = sequence(
    responderId === "key"
      ? explicit(2, octetString(keyHash(options.responderKey ?? signer.publicKey, "sha1")))
      : explicit(1, responderId.name),
    generalizedTime(new Date()),
    sequenceOf(options.answers.map((answer) => single(answer, issuer))),
    ...(extensions.length === 0 ? [] : [explicit(1, sequenceOf(extensions))]),
  );
  const signature = derSignerOf(signer.keyObject, options.signing);
  const certificates = options.certificates ?? (signer === issuer ? [] : [signer.certificate]);
  const basic = sequence(
    (options.tamper ?? ((same: Buffer) => same))(data),
    signature.algorithm,
    bitString(signature.sign(data)),
    ...(certificates.length === 0 ? [] : [explicit(0, sequenceOf(certificates))]),
  );
  return wrapBasic(basic);
}

export const wrapBasic = (basic: Uint8Array, type = "1.3.6.1.5.5.7.48.1.1"): Buffer =>
  sequence(enumerated(0), explicit(0, sequence(oid(type), octetString(basic))));

export const failedResponse = (status: number): Buffer => sequence(enumerated(status));

export const extension = (id: string, value: Uint8Array, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [derTrue] : []), octetString(value));

/** id-pkix-ocsp-nocheck, for a responder's certificate. */
export const noCheck = { oid: "1.3.6.1.5.5.7.48.1.5", critical: false, value: derNull };

/** authorityInfoAccess with one OCSP responder, for a certificate. */
export const ocspAccess = (url: string) => ({
  oid: "1.3.6.1.5.5.7.1.1",
  critical: false,
  value: sequence(sequence(oid("1.3.6.1.5.5.7.48.1"), tlv(0x86, Buffer.from(url)))),
});

export const generalizedTime = (at: Date): Buffer =>
  tlv(0x18, Buffer.from(`${at.toISOString().replace(/\D/g, "").slice(0, 14)}Z`));

function single(answer: SingleOptions, ownIssuer: Authority): Buffer {
  const { issuer = ownIssuer, hash = "sha1", status = "good" } = answer;
  const algorithm = { sha1: "1.3.14.3.2.26", sha256: "2.16.840.1.101.3.4.2.1" }[hash];
  const nextUpdate = answer.nextUpdate === undefined ? new Date(Date.now() + 3_600_000) : answer.nextUpdate;
  return sequence(
    sequence(
      sequence(oid(algorithm), derNull),
      octetString(createHash(hash).update(issuer.name).digest()),
      octetString(keyHash(issuer.publicKey, hash)),
      integer(answer.serial),
    ),
    typeof status === "string"
      ? tlv(status === "good" ? 0x80 : 0x82)
      : tlv(
          0xa1,
          generalizedTime(status.revokedAt),
          ...(status.reason === undefined ? [] : [explicit(0, enumerated(status.reason))]),
        ),
    generalizedTime(answer.thisUpdate ?? new Date(Date.now() - 60_000)),
    ...(nextUpdate === null ? [] : [explicit(0, generalizedTime(nextUpdate))]),
    ...(answer.extensions === undefined ? [] : [explicit(1, sequenceOf(answer.extensions))]),
  );
}

/** The hash of the key bits. Written apart from the code under test: an EC point or raw key ends the SPKI. */
function keyHash(key: KeyObject, hash: "sha1" | "sha256"): Buffer {
  const spki = key.export({ format: "der", type: "spki" });
  // An EC P-256 point has 65 octets at the end; that is the kind of key that test authorities have.
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new Error("only P-256 here");
  return createHash(hash).update(spki.subarray(-65)).digest();
}
