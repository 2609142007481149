import { type Signer, wholeSeconds } from "./certificate.ts";
import { type Der, enumerated, explicit, integer, sequence, sequenceOf, time } from "./der.ts";
import {
  authorityKeyIdentifier,
  extensionOids,
  keyIdentifier,
  type RawExtension,
  rawExtension,
} from "./extensions.ts";
import { toPem } from "./pem.ts";
import { derSignerOf, signed, type SigningOptions } from "./signature.ts";

const reasonCodes = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

/** RFC 5280 5.3.1. */
export type RevocationReason = keyof typeof reasonCodes;

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

/** Signs a version 2 CRL (RFC 5280 5.1). Quick enough for a list of a million. */
export async function makeCrl(signer: Signer, options: CrlOptions = {}): Promise<IssuedCrl> {
  const thisUpdate = wholeSeconds(options.thisUpdate ?? new Date(Date.now() - 60_000));
  const nextUpdate =
    options.nextUpdate === null
      ? undefined
      : wholeSeconds(options.nextUpdate ?? new Date(thisUpdate.getTime() + weekMs));
  const number = options.number === undefined ? 1 : options.number;
  const signature = derSignerOf(signer.keyObject, options.signing);
  const entries = (options.revoked ?? []).map((revoked) => entry(revoked, thisUpdate));
  const extensions = [
    ...(options.omitAuthorityKeyIdentifier === true
      ? []
      : [authorityKeyIdentifier(await keyIdentifier(signer.publicKey))]),
    ...(number === null
      ? []
      : [rawExtension({ oid: extensionOids.crlNumber, critical: false, value: integer(number) })]),
    ...(options.extraExtensions ?? []).map(rawExtension),
  ];
  const body = sequence(
    integer(1),
    signature.algorithm,
    signer.name,
    time(thisUpdate),
    ...(nextUpdate === undefined ? [] : [time(nextUpdate)]),
    // Without entries or extensions the list itself must be absent, not empty (RFC 5280 5.1.2.6, 5.2).
    ...(entries.length === 0 ? [] : [sequenceOf(entries)]),
    ...(extensions.length === 0 ? [] : [explicit(0, sequence(...extensions))]),
  );
  const der = signed(body, signature);
  return {
    der,
    pem: toPem("X509 CRL", der),
    thisUpdate,
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
  };
}

function entry({ serial, date, reason, extraExtensions = [] }: RevokedEntry, thisUpdate: Date): Der {
  const extensions = [
    ...(reason === undefined
      ? []
      : [rawExtension({ oid: "2.5.29.21", critical: false, value: enumerated(reasonCodes[reason]) })]),
    ...extraExtensions.map(rawExtension),
  ];
  return sequence(
    integer(serial),
    time(date ?? thisUpdate),
    ...(extensions.length === 0 ? [] : [sequence(...extensions)]),
  );
}
