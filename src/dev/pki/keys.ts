import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

/** Key types that the builder makes. `ed448` can be certified but cannot sign certificates here. */
export type KeyAlgorithm =
  | "ec-p256"
  | "ec-p384"
  | "ec-p521"
  | "rsa-2048"
  | "rsa-3072"
  | "ed25519"
  | "ed448"
  | "ml-dsa-44"
  | "ml-dsa-65"
  | "ml-dsa-87";

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** How a certificate or CRL is signed, where the key leaves a choice. */
export interface SigningOptions {
  /** Default: SHA-384 for P-384, SHA-512 for P-521, SHA-256 otherwise. SHA-1 exists for tests of refusals. */
  readonly hash?: "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";
  /** RSA padding; default `pkcs1`. */
  readonly rsaPadding?: "pkcs1" | "pss";
}

const curveHashes = { "P-256": "SHA-256", "P-384": "SHA-384", "P-521": "SHA-512" } as const;
const hashBytes = { "SHA-1": 20, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 } as const;

const generate = promisify(generateKeyPair);

// One entry a type: the overloads take no union.
const generators: Readonly<Record<KeyAlgorithm, () => Promise<KeyPair>>> = {
  "ec-p256": () => generate("ec", { namedCurve: "P-256" }),
  "ec-p384": () => generate("ec", { namedCurve: "P-384" }),
  "ec-p521": () => generate("ec", { namedCurve: "P-521" }),
  "rsa-2048": () => generate("rsa", { modulusLength: 2048 }),
  "rsa-3072": () => generate("rsa", { modulusLength: 3072 }),
  ed25519: () => generate("ed25519"),
  ed448: () => generate("ed448"),
  "ml-dsa-44": () => generate("ml-dsa-44"),
  "ml-dsa-65": () => generate("ml-dsa-65"),
  "ml-dsa-87": () => generate("ml-dsa-87"),
};

/** A fresh key pair. EC keys take well under a millisecond; RSA keys tens to hundreds. */
export const createKeyPair = (algorithm: KeyAlgorithm = "ec-p256"): Promise<KeyPair> =>
  generators[algorithm]();

const mlDsaNames = { "ml-dsa-44": "ML-DSA-44", "ml-dsa-65": "ML-DSA-65", "ml-dsa-87": "ML-DSA-87" } as const;

const nodeCurves: Readonly<Record<string, "P-256" | "P-384" | "P-521">> = {
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};

/** What the certificate library needs to sign with a key. */
export interface SigningKey {
  readonly key: CryptoKey;
  readonly algorithm: { readonly name: string; readonly hash?: string; readonly saltLength?: number };
}

/** @throws Error when the key's type cannot sign certificates here. */
export function signingKeyOf(privateKey: KeyObject, options: SigningOptions = {}): SigningKey {
  const type = privateKey.asymmetricKeyType;
  if (type === "ec") {
    const namedCurve = nodeCurves[privateKey.asymmetricKeyDetails?.namedCurve ?? ""];
    if (namedCurve === undefined) throw new Error("the EC key's curve is not P-256, P-384 or P-521");
    const hash = options.hash ?? curveHashes[namedCurve];
    return {
      key: privateKey.toCryptoKey({ name: "ECDSA", namedCurve }, true, ["sign"]),
      algorithm: { name: "ECDSA", hash },
    };
  }
  if (type === "rsa") {
    const hash = options.hash ?? "SHA-256";
    const name = options.rsaPadding === "pss" ? "RSA-PSS" : "RSASSA-PKCS1-v1_5";
    return {
      key: privateKey.toCryptoKey({ name, hash }, true, ["sign"]),
      algorithm: { name, hash, ...(name === "RSA-PSS" ? { saltLength: hashBytes[hash] } : {}) },
    };
  }
  if (type === "ed25519")
    return {
      key: privateKey.toCryptoKey({ name: "Ed25519" }, true, ["sign"]),
      algorithm: { name: "Ed25519" },
    };
  if (type === "ml-dsa-44" || type === "ml-dsa-65" || type === "ml-dsa-87") {
    const name = mlDsaNames[type];
    return { key: privateKey.toCryptoKey({ name }, true, ["sign"]), algorithm: { name } };
  }
  throw new Error(`a ${type ?? "secret"} key cannot sign certificates here`);
}
