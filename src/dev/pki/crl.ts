import { keyIdentifier, type RawExtension, rawExtension } from "./extensions.ts";
import { signingKeyOf, type SigningOptions } from "./keys.ts";
import { type Signer, wholeSeconds } from "./certificate.ts";
import { toPem } from "./pem.ts";
import { x509 } from "./x509-library.ts";

/** RFC 5280 5.3.1. `unspecified` writes no reason, as the RFC asks. */
export type RevocationReason = keyof typeof x509.X509CrlReason;

export interface RevokedEntry {
  /** Big-endian hexadecimal, as `IssuedCertificate.serial`. */
  readonly serial: string;
  /** Default: `thisUpdate`. */
  readonly date?: Date;
  readonly reason?: RevocationReason;
  readonly extraExtensions?: readonly RawExtension[];
}

export interface CrlOptions {
  /** Default: one minute ago. Truncated to whole seconds, as every date here. */
  readonly thisUpdate?: Date;
  /** Default: seven days after `thisUpdate`. `null` leaves it out (RFC 5280 5.1.2.5 forbids that). */
  readonly nextUpdate?: Date | null;
  readonly revoked?: readonly RevokedEntry[];
  /** cRLNumber; default 1. `null` leaves the extension out. */
  readonly number?: number | null;
  readonly omitAuthorityKeyIdentifier?: boolean;
  readonly extraExtensions?: readonly RawExtension[];
  readonly signing?: SigningOptions;
}

export interface IssuedCrl {
  readonly der: Buffer;
  readonly pem: string;
  readonly thisUpdate: Date;
  /** Absent when it was left out. */
  readonly nextUpdate?: Date;
}

const weekMs = 7 * 86_400_000;

/** Signs a version 2 CRL. For lists above a few thousand entries this library is too slow: assemble those as DER. */
export async function makeCrl(signer: Signer, options: CrlOptions = {}): Promise<IssuedCrl> {
  const thisUpdate = wholeSeconds(options.thisUpdate ?? new Date(Date.now() - 60_000));
  const nextUpdate =
    options.nextUpdate === null
      ? undefined
      : wholeSeconds(options.nextUpdate ?? new Date(thisUpdate.getTime() + weekMs));
  const number = options.number === undefined ? 1 : options.number;
  const { key, algorithm } = signingKeyOf(signer.keyObject, options.signing);
  const made = await x509.X509CrlGenerator.create({
    issuer: new x509.Name(Buffer.from(signer.name)),
    thisUpdate,
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
    entries: (options.revoked ?? []).map(({ serial, date, reason, extraExtensions }) => ({
      serialNumber: serial,
      revocationDate: wholeSeconds(date ?? thisUpdate),
      ...(reason === undefined ? {} : { reason: x509.X509CrlReason[reason] }),
      ...(extraExtensions === undefined ? {} : { extensions: extraExtensions.map(rawExtension) }),
    })),
    extensions: [
      ...(options.omitAuthorityKeyIdentifier === true
        ? []
        : [new x509.AuthorityKeyIdentifierExtension(await keyIdentifier(signer.publicKey))]),
      ...(number === null ? [] : [new x509.Extension("2.5.29.20", false, derInteger(number))]),
      ...(options.extraExtensions ?? []).map(rawExtension),
    ],
    signingKey: key,
    signingAlgorithm: algorithm,
  });
  const der = Buffer.from(made.rawData);
  return {
    der,
    pem: toPem("X509 CRL", der),
    thisUpdate,
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
  };
}

function derInteger(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError("a CRL number is a whole number from 0");
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  const content = (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(0x02, content.length), content]);
}
