import { constants, type KeyObject, verify } from "node:crypto";
import { contextConstructed, DerReader, tag } from "./der-reader.ts";
import { oid } from "./object-identifiers.ts";
import { malformed, PkiError } from "./pki-error.ts";
import type { KeyKind, PublicKey } from "./public-key.ts";

/** Every algorithm that can sign a certificate or a CRL here: an allow-list. SHA-1, MD5 and DSA are not on it. */
export const signatureAlgorithmNames = [
  "rsa-pkcs1-sha256",
  "rsa-pkcs1-sha384",
  "rsa-pkcs1-sha512",
  "rsa-pss-sha256",
  "rsa-pss-sha384",
  "rsa-pss-sha512",
  "ecdsa-sha256",
  "ecdsa-sha384",
  "ecdsa-sha512",
  "ed25519",
  "ed448",
  "ml-dsa-44",
  "ml-dsa-65",
  "ml-dsa-87",
] as const;
export type SignatureAlgorithmName = (typeof signatureAlgorithmNames)[number];

type HashName = "sha256" | "sha384" | "sha512";

interface Scheme {
  readonly name: SignatureAlgorithmName;
  /** Kinds of key that may have made such a signature. */
  readonly keys: readonly KeyKind[];
  /** null: the scheme hashes by itself. */
  readonly hash: HashName | null;
  /** `absent-or-null`: RFC 4055 5 demands NULL and tells readers to take both. `pss`: RSASSA-PSS-params. */
  readonly parameters: "absent" | "absent-or-null" | "pss";
}

const ecKeys: readonly KeyKind[] = ["ec-p256", "ec-p384", "ec-p521"];
const pkcs1 = (hash: HashName): Scheme => ({
  name: `rsa-pkcs1-${hash}`,
  keys: ["rsa"],
  hash,
  parameters: "absent-or-null",
});
const pss = (hash: HashName): Scheme => ({
  name: `rsa-pss-${hash}`,
  keys: ["rsa", "rsa-pss"],
  hash,
  parameters: "pss",
});
const ecdsa = (hash: HashName): Scheme => ({
  name: `ecdsa-${hash}`,
  keys: ecKeys,
  hash,
  parameters: "absent",
});
const pure = (name: SignatureAlgorithmName & KeyKind): Scheme => ({
  name,
  keys: [name],
  hash: null,
  parameters: "absent",
});

const schemes: Readonly<Record<string, Scheme>> = {
  [oid.sha256WithRsa]: pkcs1("sha256"),
  [oid.sha384WithRsa]: pkcs1("sha384"),
  [oid.sha512WithRsa]: pkcs1("sha512"),
  [oid.ecdsaWithSha256]: ecdsa("sha256"),
  [oid.ecdsaWithSha384]: ecdsa("sha384"),
  [oid.ecdsaWithSha512]: ecdsa("sha512"),
  [oid.ed25519]: pure("ed25519"),
  [oid.ed448]: pure("ed448"),
  [oid.mlDsa44]: pure("ml-dsa-44"),
  [oid.mlDsa65]: pure("ml-dsa-65"),
  [oid.mlDsa87]: pure("ml-dsa-87"),
};
const pssByHash: Readonly<Record<string, readonly [HashName, number]>> = {
  [oid.sha256]: ["sha256", 32],
  [oid.sha384]: ["sha384", 48],
  [oid.sha512]: ["sha512", 64],
};

/** An AlgorithmIdentifier of a signature: on the allow-list, or a note of what it is instead. */
export type SignatureAlgorithm =
  | { readonly supported: true; readonly scheme: Scheme }
  | { readonly supported: false; readonly identifier: string };

/**
 * Reads an AlgorithmIdentifier. An algorithm outside the allow-list is no error here: a root may be signed with
 * SHA-1, since nobody relies on its signature.
 */
export function readAlgorithm(der: Uint8Array): SignatureAlgorithm {
  const reader = new DerReader(der, "signatureAlgorithm");
  const sequence = reader.sequence();
  const identifier = sequence.oid();
  if (identifier === oid.rsassaPss) {
    const hash = readPssParameters(sequence);
    sequence.finish();
    return hash === undefined ? { supported: false, identifier } : { supported: true, scheme: pss(hash) };
  }
  const scheme = schemes[identifier];
  if (scheme === undefined) return { supported: false, identifier };
  if (scheme.parameters === "absent-or-null" && !sequence.atEnd) sequence.null();
  sequence.finish();
  return { supported: true, scheme };
}

/** RSASSA-PSS-params (RFC 4055 3.1): one hash of SHA-2 for all, a salt as long as the hash, the usual trailer. */
function readPssParameters(algorithm: DerReader): HashName | undefined {
  const parameters = algorithm.sequence("RSASSA-PSS-params");
  // The defaults are SHA-1 and a salt of 20 octets, so a field that is absent is outside the allow-list.
  if (!parameters.sees(contextConstructed(0))) return undefined;
  const hash = readHash(parameters.enter(contextConstructed(0)));
  if (!parameters.sees(contextConstructed(1))) return undefined;
  const maskExplicit = parameters.enter(contextConstructed(1));
  const mask = maskExplicit.sequence();
  maskExplicit.finish();
  if (mask.oid() !== oid.mgf1) return undefined;
  const maskHash = readHash(mask);
  if (!parameters.sees(contextConstructed(2))) return undefined;
  const saltExplicit = parameters.enter(contextConstructed(2));
  const salt = saltExplicit.smallInteger();
  saltExplicit.finish();
  if (!parameters.atEnd) throw malformed("RSASSA-PSS-params", "a trailer that must be absent");
  const known = pssByHash[hash];
  return known !== undefined && hash === maskHash && salt === known[1] ? known[0] : undefined;
}

function readHash(explicit: DerReader): string {
  const algorithm = explicit.sequence("hash algorithm");
  const identifier = algorithm.oid();
  if (algorithm.sees(tag.null)) algorithm.null();
  algorithm.finish();
  explicit.finish();
  return identifier;
}

/** Whether `key` made `signature` over `data`. A key of the wrong kind did not. */
export function verifySignature(
  data: Uint8Array,
  algorithm: SignatureAlgorithm,
  signature: Uint8Array,
  key: PublicKey,
): boolean {
  if (!algorithm.supported || key.kind === undefined || !algorithm.scheme.keys.includes(key.kind))
    return false;
  const { hash, parameters } = algorithm.scheme;
  let keyObject: KeyObject;
  try {
    keyObject = key.keyObject;
  } catch (error) {
    // OpenSSL refuses the key itself, e.g. a point that is not on the curve: nothing can be signed by it.
    if (error instanceof PkiError) return false;
    throw error;
  }
  try {
    return verify(
      hash,
      data,
      parameters === "pss"
        ? {
            key: keyObject,
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
          }
        : keyObject,
      signature,
    );
  } catch (error) {
    // A key may forbid the scheme by its own parameters (RSASSA-PSS): OpenSSL throws instead of saying no, and the
    // key is a stranger's.
    if (String((error as NodeJS.ErrnoException).code).startsWith("ERR_OSSL")) return false;
    throw error;
  }
}
