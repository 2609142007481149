import { constants, type KeyObject, sign } from "node:crypto";

import { bitString, type Der, derNull, explicit, integer, oid, sequence } from "./der.ts";

export type HashName = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";

/** How a certificate or CRL is signed, where the key leaves a choice. */
export interface SigningOptions {
  /** Default: SHA-384 for P-384, SHA-512 for P-521, SHA-256 otherwise. SHA-1 exists for tests of refusals. */
  readonly hash?: HashName;
  /** RSA padding; default `pkcs1`. */
  readonly rsaPadding?: "pkcs1" | "pss";
}

/** A key with its AlgorithmIdentifier, for what is signed as plain DER. */
export interface DerSigner {
  readonly algorithm: Der;
  sign(data: Uint8Array): Buffer;
}

// RFC 5758 3.2, RFC 8017 A.2, RFC 8410 3, NIST's registry for ML-DSA.
const ecdsa: Readonly<Record<HashName, string>> = {
  "SHA-1": "1.2.840.10045.4.1",
  "SHA-256": "1.2.840.10045.4.3.2",
  "SHA-384": "1.2.840.10045.4.3.3",
  "SHA-512": "1.2.840.10045.4.3.4",
};
const rsaPkcs1: Readonly<Record<HashName, string>> = {
  "SHA-1": "1.2.840.113549.1.1.5",
  "SHA-256": "1.2.840.113549.1.1.11",
  "SHA-384": "1.2.840.113549.1.1.12",
  "SHA-512": "1.2.840.113549.1.1.13",
};
const curveHashes: Readonly<Record<string, HashName>> = { secp384r1: "SHA-384", secp521r1: "SHA-512" };
const hashBytes = { "SHA-1": 20, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 } as const;
const hashes: Readonly<Record<HashName, string>> = {
  "SHA-1": "1.3.14.3.2.26",
  "SHA-256": "2.16.840.1.101.3.4.2.1",
  "SHA-384": "2.16.840.1.101.3.4.2.2",
  "SHA-512": "2.16.840.1.101.3.4.2.3",
};
const hashless: Readonly<Record<string, string>> = {
  ed25519: "1.3.101.112",
  ed448: "1.3.101.113",
  "ml-dsa-44": "2.16.840.1.101.3.4.3.17",
  "ml-dsa-65": "2.16.840.1.101.3.4.3.18",
  "ml-dsa-87": "2.16.840.1.101.3.4.3.19",
};

/** @throws Error when the key's type cannot sign here. */
export function derSignerOf(privateKey: KeyObject, options: SigningOptions = {}): DerSigner {
  const type = privateKey.asymmetricKeyType ?? "secret";
  const hash = options.hash ?? curveHashes[privateKey.asymmetricKeyDetails?.namedCurve ?? ""] ?? "SHA-256";
  if (type === "ec")
    return {
      algorithm: sequence(oid(ecdsa[hash])),
      sign: (data) => sign(hash, data, { key: privateKey, dsaEncoding: "der" }),
    };
  if (type === "rsa" && options.rsaPadding === "pss") {
    const saltLength = hashBytes[hash];
    return {
      algorithm: sequence(oid("1.2.840.113549.1.1.10"), pssParameters(hash, saltLength)),
      sign: (data) =>
        sign(hash, data, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }),
    };
  }
  if (type === "rsa")
    return {
      algorithm: sequence(oid(rsaPkcs1[hash]), derNull),
      sign: (data) => sign(hash, data, privateKey),
    };
  const bare = hashless[type];
  if (bare === undefined) throw new Error(`a ${type} key cannot sign here`);
  return { algorithm: sequence(oid(bare)), sign: (data) => sign(null, data, privateKey) };
}

/** RSASSA-PSS-params (RFC 4055 3.1) with MGF1 over the same hash. */
function pssParameters(hash: HashName, saltLength: number): Der {
  const hashAlgorithm = sequence(oid(hashes[hash]), derNull);
  return sequence(
    explicit(0, hashAlgorithm),
    explicit(1, sequence(oid("1.2.840.113549.1.1.8"), hashAlgorithm)),
    explicit(2, integer(saltLength)),
  );
}

/** `SEQUENCE { body, algorithm, BIT STRING }`: the outer shape of certificates and CRLs alike. */
export const signed = (body: Der, signer: DerSigner): Der =>
  sequence(body, signer.algorithm, bitString(signer.sign(body)));
