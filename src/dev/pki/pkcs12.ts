import { createCipheriv, createHash, createHmac, type KeyObject, pbkdf2Sync, randomBytes } from "node:crypto";

import { type Der, derNull, explicit, integer, octetString, oid, sequence, set, tlv } from "./der.ts";

/**
 * How keys and certificates are encrypted: `aes-256` (PBES2, HMAC-SHA-256 as MAC) is what current tools write,
 * `3des` (PKCS#12 key derivation, HMAC-SHA-1) what Key Vault and Windows wrote for years.
 */
export type Pkcs12Protection = "aes-256" | "3des";

export interface Pkcs12Options {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** The leaf's key. */
  readonly privateKey: KeyObject;
  /** Default empty, as Key Vault's secrets have it. */
  readonly password?: string;
  /** Default `aes-256`. */
  readonly protection?: Pkcs12Protection;
}

const ids = {
  data: oid("1.2.840.113549.1.7.1"),
  encryptedData: oid("1.2.840.113549.1.7.6"),
  shroudedKeyBag: oid("1.2.840.113549.1.12.10.1.2"),
  certBag: oid("1.2.840.113549.1.12.10.1.3"),
  x509Certificate: oid("1.2.840.113549.1.9.22.1"),
  localKeyId: oid("1.2.840.113549.1.9.21"),
  pbes2: oid("1.2.840.113549.1.5.13"),
  pbkdf2: oid("1.2.840.113549.1.5.12"),
  hmacSha256: oid("1.2.840.113549.2.9"),
  aes256Cbc: oid("2.16.840.1.101.3.4.1.42"),
  pbeSha3Des: oid("1.2.840.113549.1.12.1.3"),
  sha1: oid("1.3.14.3.2.26"),
  sha256: oid("2.16.840.1.101.3.4.2.1"),
} as const;

const iterations = 2048;

/** A PFX (RFC 7292) of a key with its chain, as Key Vault keeps it in a certificate's secret. */
export function toPkcs12({
  chain,
  privateKey,
  password = "",
  protection = "aes-256",
}: Pkcs12Options): Buffer {
  const keyId = createHash("sha1")
    .update(chain[0] ?? Buffer.of())
    .digest();
  const attributes = set(sequence(ids.localKeyId, set(octetString(keyId))));
  const certificates = chain.map((der, index) =>
    sequence(
      ids.certBag,
      explicit(0, sequence(ids.x509Certificate, explicit(0, octetString(der)))),
      ...(index === 0 ? [attributes] : []),
    ),
  );
  const pkcs8 = privateKey.export({ format: "der", type: "pkcs8" });
  const shrouded = encrypt(pkcs8, password, protection);
  const keyBag = sequence(
    ids.shroudedKeyBag,
    explicit(0, sequence(shrouded.algorithm, octetString(shrouded.bytes))),
    attributes,
  );
  const hidden = encrypt(sequence(...certificates), password, protection);
  // EncryptedContentInfo carries its octets as [0] IMPLICIT.
  const hiddenInfo = sequence(ids.data, hidden.algorithm, tlv(0x80, hidden.bytes));
  const content = sequence(
    sequence(ids.encryptedData, explicit(0, sequence(integer(0), hiddenInfo))),
    sequence(ids.data, explicit(0, octetString(sequence(keyBag)))),
  );
  return sequence(
    integer(3),
    sequence(ids.data, explicit(0, octetString(content))),
    macData(content, password, protection),
  );
}

function encrypt(
  plain: Uint8Array,
  password: string,
  protection: Pkcs12Protection,
): { readonly algorithm: Der; readonly bytes: Buffer } {
  const salt = randomBytes(16);
  if (protection === "3des") {
    const key = deriveKey("sha1", password, salt, 1, 24);
    const cipher = createCipheriv("des-ede3-cbc", key, deriveKey("sha1", password, salt, 2, 8));
    return {
      algorithm: sequence(ids.pbeSha3Des, sequence(octetString(salt), integer(iterations))),
      bytes: Buffer.concat([cipher.update(plain), cipher.final()]),
    };
  }
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-256-cbc", pbkdf2Sync(password, salt, iterations, 32, "sha256"), iv);
  const derivation = sequence(
    ids.pbkdf2,
    sequence(octetString(salt), integer(iterations), sequence(ids.hmacSha256, derNull)),
  );
  return {
    algorithm: sequence(ids.pbes2, sequence(derivation, sequence(ids.aes256Cbc, octetString(iv)))),
    bytes: Buffer.concat([cipher.update(plain), cipher.final()]),
  };
}

function macData(content: Uint8Array, password: string, protection: Pkcs12Protection): Der {
  const hash = protection === "3des" ? "sha1" : "sha256";
  const salt = randomBytes(16);
  const key = deriveKey(hash, password, salt, 3, hash === "sha1" ? 20 : 32);
  const digest = createHmac(hash, key).update(content).digest();
  return sequence(
    sequence(sequence(ids[hash], derNull), octetString(digest)),
    octetString(salt),
    integer(iterations),
  );
}

/** PKCS#12's own key derivation (RFC 7292, appendix B.2). `purpose`: 1 key, 2 IV, 3 MAC key. */
function deriveKey(
  hash: "sha1" | "sha256",
  password: string,
  salt: Uint8Array,
  purpose: 1 | 2 | 3,
  size: number,
): Buffer {
  const block = 64;
  const fill = (bytes: Uint8Array) =>
    Buffer.alloc(Math.ceil(bytes.length / block) * block, Buffer.from(bytes));
  // A BMPString with its two terminating zero octets; so even the empty password has two.
  const secret = Buffer.from(`${password}\0`, "utf16le").swap16();
  const input = Buffer.concat([fill(salt), fill(secret)]);
  const parts: Buffer[] = [];
  for (let length = 0; length < size; length += parts.at(-1)?.length ?? 0) {
    let digest = createHash(hash).update(Buffer.alloc(block, purpose)).update(input).digest();
    for (let round = 1; round < iterations; round += 1) digest = createHash(hash).update(digest).digest();
    parts.push(digest);
    addToEachBlock(input, Buffer.alloc(block, digest), block);
  }
  return Buffer.concat(parts).subarray(0, size);
}

/** Every block of `input` becomes (block + addend + 1) mod 2^(8 * size). */
function addToEachBlock(input: Buffer, addend: Buffer, size: number): void {
  for (let start = 0; start < input.length; start += size) {
    let carry = 1;
    for (let index = size - 1; index >= 0; index -= 1) {
      const sum = (input[start + index] ?? 0) + (addend[index] ?? 0) + carry;
      input[start + index] = sum & 0xff;
      carry = sum >> 8;
    }
  }
}
