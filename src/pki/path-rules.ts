import { defaultLimits, type Limits } from "./budget.ts";
import { oid } from "./object-identifiers.ts";
import { type SignatureAlgorithmName, signatureAlgorithmNames } from "./signature-algorithms.ts";

/** The choices that RFC 5280 leaves to whoever relies on a certificate. Each is a word, none a bare yes or no. */
export interface PathRules {
  /** What the leaf must be good for. `any` asks neither for a purpose nor for a key usage. */
  readonly purpose: "client-auth" | "any";
  /** A leaf without extKeyUsage, which RFC 5280 4.2.1.12 leaves unrestricted. */
  readonly absentExtendedKeyUsage: "accept" | "refuse";
  /** anyExtendedKeyUsage in the place of the purpose. */
  readonly anyExtendedKeyUsage: "accept" | "refuse";
  /** Whether extKeyUsage in a CA certificate limits what is issued below it: no RFC says so, every TLS library does. */
  readonly issuerExtendedKeyUsage: "restricts" | "ignored";
  /** A leaf whose basicConstraints say CA. */
  readonly caAsLeaf: "accept" | "refuse";
  /** `strict` also enforces what RFC 5280 demands of issuers only, see `extension-rules.ts`. */
  readonly profile: "interoperable" | "strict";
  /** Bits; applies to every RSA key in the path, the leaf's and the anchor's included. */
  readonly minimumRsaBits: number;
  /** A subset of the allow-list. */
  readonly signatureAlgorithms: readonly SignatureAlgorithmName[];
  /** CA certificates between leaf and anchor; self-issued ones count. */
  readonly maximumIntermediates: number;
  /** The inputs of RFC 5280 6.1.1 (c) to (g). */
  readonly policies: {
    readonly initial: readonly string[];
    readonly explicit: "required" | "not-required";
    readonly mapping: "allowed" | "inhibited";
    readonly anyPolicy: "allowed" | "inhibited";
  };
  readonly limits: Limits;
}

export const defaultPathRules: PathRules = {
  purpose: "client-auth",
  // Absent means unrestricted (RFC 5280 4.2.1.12), private CAs omit it often, and a certificate that is good for
  // everything gains its holder nothing here: the client map still has to name it. `refuse` is one word away.
  absentExtendedKeyUsage: "accept",
  anyExtendedKeyUsage: "accept",
  issuerExtendedKeyUsage: "restricts",
  // A CA key in a TLS client is a key in the wrong place; what it signs could be any client at all.
  caAsLeaf: "refuse",
  profile: "interoperable",
  // NIST SP 800-131A: 2048 bits since 2014.
  minimumRsaBits: 2048,
  signatureAlgorithms: signatureAlgorithmNames,
  // rustls-webpki takes six; paths through a bridge CA with self-issued certificates can be longer.
  maximumIntermediates: 10,
  policies: { initial: [oid.anyPolicy], explicit: "not-required", mapping: "allowed", anyPolicy: "allowed" },
  limits: defaultLimits,
};
