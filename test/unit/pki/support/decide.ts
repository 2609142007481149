import { type Certificate, parseCertificate } from "../../../../src/pki/certificate.ts";
import { parseCrl } from "../../../../src/pki/crl.ts";
import { createCrlIndex, type RevocationPolicy } from "../../../../src/pki/revocation.ts";
import {
  defaultPathRules,
  type PathRules,
  type PathVerdict,
  verifyPath,
} from "../../../../src/pki/verify-path.ts";

type Der = { readonly certificate: Uint8Array };

export interface Scene {
  readonly leaf: Der;
  readonly candidates?: readonly (Der | Certificate)[];
  readonly anchors: readonly Der[];
  readonly at?: Date;
  readonly rules?: Partial<PathRules>;
  /** Absent: revocation is off. */
  readonly crls?: readonly { readonly der: Uint8Array }[];
  readonly revocation?: Partial<RevocationPolicy>;
}

/** Asks the validator about certificates that the dev PKI made. */
export function decide(scene: Scene): PathVerdict {
  const { candidates = [], crls, rules, revocation } = scene;
  return verifyPath({
    leaf: scene.leaf.certificate,
    candidates: candidates.map((one) => ("certificate" in one ? one.certificate : one)),
    anchors: scene.anchors.map(({ certificate }) => parseCertificate(certificate)),
    at: (scene.at ?? new Date()).getTime(),
    rules: { ...defaultPathRules, ...rules },
    revocation: {
      mode: crls === undefined ? "off" : "hard",
      graceMs: 0,
      crls: createCrlIndex((crls ?? []).map(({ der }) => parseCrl(der))),
      ...revocation,
    },
  });
}

/** `allowed`, or the reason code: what most tests are about. */
export const codeOf = (verdict: PathVerdict): string => (verdict.allowed ? "allowed" : verdict.code);
