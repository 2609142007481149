import { createPublicKey, type KeyObject } from "node:crypto";
import { DerReader, tag } from "./der-reader.ts";
import { oid } from "./object-identifiers.ts";
import { PkiError } from "./pki-error.ts";

/** The kinds of public key that may stand in a certificate of a path. */
export type KeyKind =
  | "rsa"
  | "rsa-pss"
  | "ec-p256"
  | "ec-p384"
  | "ec-p521"
  | "ed25519"
  | "ed448"
  | "ml-dsa-44"
  | "ml-dsa-65"
  | "ml-dsa-87";

const curves: Readonly<Record<string, KeyKind>> = {
  [oid.p256]: "ec-p256",
  [oid.p384]: "ec-p384",
  [oid.p521]: "ec-p521",
};
const withoutParameters: Readonly<Record<string, KeyKind>> = {
  [oid.ed25519]: "ed25519",
  [oid.ed448]: "ed448",
  [oid.mlDsa44]: "ml-dsa-44",
  [oid.mlDsa65]: "ml-dsa-65",
  [oid.mlDsa87]: "ml-dsa-87",
};

/**
 * A SubjectPublicKeyInfo (RFC 5280 4.1.2.7). The kind is read from the DER here; the key itself is handed to
 * OpenSSL when a signature is to be checked, and not before.
 */
export class PublicKey {
  /** SubjectPublicKeyInfo, DER. */
  readonly der: Uint8Array;
  /** undefined: none of the kinds that are allowed, for instance DSA or an EC key with explicit parameters. */
  readonly kind: KeyKind | undefined;
  /** Dotted algorithm, for messages. */
  readonly algorithm: string;
  /** RSA only: modulus length in bits, and whether the public exponent is odd and between 3 and 2^33. */
  readonly rsa: { readonly bits: number; readonly saneExponent: boolean } | undefined;
  #id: string | undefined;
  #keyObject: KeyObject | undefined;

  constructor(der: Uint8Array) {
    this.der = der;
    const reader = new DerReader(der, "subjectPublicKeyInfo");
    const info = reader.sequence();
    const algorithm = info.sequence();
    this.algorithm = algorithm.oid();
    this.kind = readKind(this.algorithm, algorithm);
    const key = info.octetBitString();
    info.finish();
    this.rsa = this.kind === "rsa" || this.kind === "rsa-pss" ? readRsaSize(key) : undefined;
  }

  /** Equal for equal keys, for use in maps. */
  get id(): string {
    return (this.#id ??= Buffer.from(this.der).toString("latin1"));
  }

  /** @throws PkiError where OpenSSL does not take the key */
  get keyObject(): KeyObject {
    if (this.#keyObject !== undefined) return this.#keyObject;
    try {
      this.#keyObject = createPublicKey({ key: Buffer.from(this.der), format: "der", type: "spki" });
      return this.#keyObject;
    } catch (cause) {
      throw new PkiError("unsupported", `subjectPublicKeyInfo: the key is not usable (${String(cause)})`);
    }
  }
}

function readKind(algorithm: string, rest: DerReader): KeyKind | undefined {
  if (algorithm === oid.rsaEncryption) {
    if (!rest.atEnd) rest.null();
    rest.finish();
    return "rsa";
  }
  if (algorithm === oid.rsassaPss) return "rsa-pss";
  // RFC 5480 2.1.1: namedCurve only; explicit parameters let the sender choose the curve (CVE-2020-0601).
  if (algorithm === oid.ecPublicKey) {
    if (!rest.sees(tag.oid)) return undefined;
    const kind = curves[rest.oid()];
    rest.finish();
    return kind;
  }
  const kind = withoutParameters[algorithm];
  if (kind !== undefined) rest.finish();
  return kind;
}

function readRsaSize(key: Uint8Array): { bits: number; saneExponent: boolean } {
  const reader = new DerReader(key, "RSAPublicKey");
  const sequence = reader.sequence();
  reader.finish();
  const modulus = sequence.integer();
  const exponent = sequence.integer();
  sequence.finish();
  const leading = modulus.findIndex((byte) => byte !== 0);
  const bits =
    leading === -1 || (modulus[0] as number) >= 0x80
      ? 0
      : (modulus.length - leading) * 8 - (Math.clz32(modulus[leading] as number) - 24);
  const value = exponent.length <= 5 ? exponent.reduce((sum, byte) => sum * 256 + byte, 0) : Infinity;
  return { bits, saneExponent: value >= 3 && value % 2 === 1 && value < 2 ** 33 };
}
