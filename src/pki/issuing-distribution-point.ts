import { contextConstructed, contextTag, type DerReader } from "./der-reader.ts";
import {
  allReasons,
  type DistributionPointName,
  readDistributionPointName,
  readReasons,
  type ReasonMask,
} from "./distribution-point.ts";
import { malformed } from "./pki-error.ts";

/** What a CRL covers (RFC 5280 5.2.5). A CRL without this extension covers everything that its issuer issued. */
export interface IssuingDistributionPoint {
  readonly name: DistributionPointName | undefined;
  readonly only: "all" | "user-certificates" | "ca-certificates" | "attribute-certificates";
  readonly reasons: ReasonMask;
  /** Entries may be about certificates of other issuers. */
  readonly indirect: boolean;
  /** Two CRLs have the same scope when these octets are equal. */
  readonly der: Uint8Array;
}

export function readIssuingDistributionPoint(value: DerReader): IssuingDistributionPoint {
  const what = "issuingDistributionPoint";
  const start = value.position;
  const sequence = value.sequence(what);
  // RFC 5280 5.2.5: conforming CRL issuers must not issue CRLs where the DER encoding is an empty sequence.
  if (sequence.atEnd) throw malformed(what, "an empty sequence");
  const name = sequence.sees(contextConstructed(0))
    ? readDistributionPointName(sequence.enter(contextConstructed(0)), what)
    : undefined;
  const user = sequence.defaultFalse(contextTag(1));
  const ca = sequence.defaultFalse(contextTag(2));
  const reasons = sequence.sees(contextTag(3)) ? readReasons(sequence, contextTag(3)) : allReasons;
  const indirect = sequence.defaultFalse(contextTag(4));
  const attribute = sequence.defaultFalse(contextTag(5));
  sequence.finish();
  if (Number(user) + Number(ca) + Number(attribute) > 1) throw malformed(what, "contradictory limits");
  const only = user
    ? "user-certificates"
    : ca
      ? "ca-certificates"
      : attribute
        ? "attribute-certificates"
        : "all";
  return { name, only, reasons, indirect, der: value.bytes.subarray(start, value.position) };
}
