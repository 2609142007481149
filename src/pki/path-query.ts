import type { Certificate } from "./certificate.ts";
import type { PathRules } from "./path-rules.ts";
import type { RevocationPolicy } from "./revocation.ts";

/** All that a decision depends on. Equal queries have equal answers: there is no clock, no network, no memory. */
export interface PathQuery {
  /** The certificate that the caller proved to hold the key of: DER, or read before, with what was learnt about it. */
  readonly leaf: Uint8Array | Certificate;
  /** Untrusted certificates in any order: what the caller sent, and intermediates that the gateway keeps. */
  readonly candidates: readonly (Uint8Array | Certificate)[];
  readonly anchors: readonly Certificate[];
  /** Epoch ms. */
  readonly at: number;
  readonly rules: PathRules;
  readonly revocation: RevocationPolicy;
}
