import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

/** Key types that the builder makes. */
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
