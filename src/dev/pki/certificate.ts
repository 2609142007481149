import { createHash, type KeyObject, randomBytes } from "node:crypto";

import { buildExtensions, type ExtensionChoices, keyIdentifier } from "./extensions.ts";
import { explicit, integer, sequence, time } from "./der.ts";
import { createKeyPair, type KeyAlgorithm, type KeyPair } from "./keys.ts";
import { toPem } from "./pem.ts";
import { derSignerOf, signed, type SigningOptions } from "./signature.ts";
import { x509 } from "./x509-library.ts";

/** What can be said about any certificate that is made here. */
export interface CertificateOptions {
  /** RFC 4514 text (`CN=device-1, O=Plant`), or the DER of a Name for spellings that text cannot express. */
  readonly subject: string | Uint8Array;
  /** Default `ec-p256`. */
  readonly keyAlgorithm?: KeyAlgorithm;
  /** A key to certify instead of a new one. */
  readonly keyPair?: KeyPair;
  /** Default: one day ago. Truncated to whole seconds. */
  readonly notBefore?: Date;
  /** Default: 90 days ahead for an end entity, ten years for an authority. Truncated to whole seconds. */
  readonly notAfter?: Date;
  /** Big-endian hexadecimal without a sign; default: 127 random bits. */
  readonly serial?: string;
  readonly subjectAltNames?: ExtensionChoices["subjectAltNames"];
  readonly crlDistributionPoints?: ExtensionChoices["crlDistributionPoints"];
  readonly omitExtensions?: ExtensionChoices["omitExtensions"];
  readonly extraExtensions?: ExtensionChoices["extraExtensions"];
  readonly signing?: SigningOptions;
}

/** A certificate with its private key. */
export interface IssuedCertificate {
  /** DER. */
  readonly certificate: Buffer;
  readonly pem: string;
  /** DER: this certificate, then its intermediates; the root is not in it. */
  readonly chain: readonly Buffer[];
  /** The same as PEM: leaf, then intermediates. */
  readonly chainPem: string;
  /** PKCS#8. */
  readonly keyPem: string;
  readonly keyObject: KeyObject;
  readonly publicKey: KeyObject;
  /** Lower-case hexadecimal without leading zero octets, as {@link RevokedEntry} takes it. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly thumbprint: string;
}

/** Who signs. */
export interface Signer {
  readonly keyObject: KeyObject;
  readonly publicKey: KeyObject;
  /** DER of the issuer's Name. */
  readonly name: Uint8Array;
  /** DER certificates to send after one of this signer's: empty for a root. */
  readonly above: readonly Buffer[];
}

const dayMs = 86_400_000;

// GeneralizedTime and UTCTime must not carry fractions of a second (RFC 5280 4.1.2.5).
export const wholeSeconds = (at: Date): Date => new Date(Math.floor(at.getTime() / 1000) * 1000);

export const thumbprintOf = (der: Uint8Array): string => createHash("sha256").update(der).digest("hex");

export const nameOf = (subject: string | Uint8Array): Buffer =>
  typeof subject === "string" ? Buffer.from(new x509.Name(subject).toArrayBuffer()) : Buffer.from(subject);

/** Signs one certificate. Without a signer it signs itself. */
export async function makeCertificate(
  options: CertificateOptions & { readonly lifetimeDays: number },
  extensions: (keyType: string | undefined) => Omit<ExtensionChoices, "omitExtensions" | "extraExtensions">,
  issuer?: Signer,
): Promise<IssuedCertificate> {
  const keys = options.keyPair ?? (await createKeyPair(options.keyAlgorithm));
  const name = nameOf(options.subject);
  const signer = issuer ?? { keyObject: keys.privateKey, publicKey: keys.publicKey, name, above: [] };
  const now = Date.now();
  const notBefore = wholeSeconds(options.notBefore ?? new Date(now - dayMs));
  const notAfter = wholeSeconds(options.notAfter ?? new Date(now + options.lifetimeDays * dayMs));
  const serial = options.serial ?? randomSerial();
  const signature = derSignerOf(signer.keyObject, options.signing);
  const list = buildExtensions(
    {
      ...extensions(keys.publicKey.asymmetricKeyType),
      omitExtensions: options.omitExtensions,
      extraExtensions: options.extraExtensions,
    },
    await keyIdentifier(keys.publicKey),
    await keyIdentifier(signer.publicKey),
  );
  // TBSCertificate, RFC 5280 4.1.
  const body = sequence(
    explicit(0, integer(2)),
    integer(serial),
    signature.algorithm,
    signer.name,
    sequence(time(notBefore), time(notAfter)),
    name,
    keys.publicKey.export({ format: "der", type: "spki" }),
    ...(list.length === 0 ? [] : [explicit(3, sequence(...list))]),
  );
  return describeCertificate(signed(body, signature), keys, signer.above, {
    serial: serial.toLowerCase().replace(/^(?:00)+(?=..)/, ""),
    notBefore,
    notAfter,
  });
}

/** Puts a certificate and its key into the shape that the builder returns. */
export function describeCertificate(
  certificate: Buffer,
  keys: KeyPair,
  above: readonly Buffer[],
  facts: Pick<IssuedCertificate, "serial" | "notBefore" | "notAfter">,
): IssuedCertificate {
  const chain = [certificate, ...above];
  return {
    certificate,
    pem: toPem("CERTIFICATE", certificate),
    chain,
    chainPem: chain.map((der) => toPem("CERTIFICATE", der)).join(""),
    keyPem: keys.privateKey.export({ format: "pem", type: "pkcs8" }),
    keyObject: keys.privateKey,
    publicKey: keys.publicKey,
    thumbprint: thumbprintOf(certificate),
    ...facts,
  };
}

function randomSerial(): string {
  const bytes = randomBytes(16);
  // Positive and of full length, so that its text is the same wherever it is printed.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}
