import { contextConstructed, contextTag, type DerReader, tag } from "./der-reader.ts";
import { type GeneralName, readGeneralNames } from "./general-name.ts";
import { readRelativeName, type RelativeName } from "./name.ts";
import { malformed } from "./pki-error.ts";

/** DistributionPointName (RFC 5280 4.2.1.13): whole names, or one RDN relative to the CRL issuer's name. */
export type DistributionPointName =
  | { readonly kind: "full"; readonly names: readonly GeneralName[] }
  | { readonly kind: "relative"; readonly rdn: RelativeName };

/** ReasonFlags as a bit mask, bit n of the standard at `1 << n`; bit 0 is unused. */
export type ReasonMask = number;
/** keyCompromise (1) to aACompromise (8). */
export const allReasons: ReasonMask = 0b1_1111_1110;

/** Where a CRL for a certificate is found and what it covers (RFC 5280 4.2.1.13). */
export interface DistributionPoint {
  readonly name?: DistributionPointName;
  readonly reasons?: ReasonMask;
  readonly crlIssuer?: readonly GeneralName[];
}

/** Reads cRLDistributionPoints or freshestCRL, which share their syntax. */
export function readDistributionPoints(value: DerReader, what: string): DistributionPoint[] {
  const sequence = value.sequence(what);
  const points: DistributionPoint[] = [];
  while (!sequence.atEnd) {
    const one = sequence.sequence();
    const point = {
      ...optional("name", one.sees(contextConstructed(0)), () =>
        readDistributionPointName(one.enter(contextConstructed(0)), what),
      ),
      ...optional("reasons", one.sees(contextTag(1)), () => readReasons(one, contextTag(1))),
      ...optional("crlIssuer", one.sees(contextConstructed(2)), () =>
        readGeneralNames(one.enter(contextConstructed(2)), what),
      ),
    };
    one.finish();
    // RFC 5280 4.2.1.13: a DistributionPoint must not consist of only the reasons field.
    if (point.name === undefined && point.crlIssuer === undefined)
      throw malformed(what, "a distribution point with neither name nor issuer");
    points.push(point);
  }
  if (points.length === 0) throw malformed(what, "an empty sequence");
  return points;
}

/** Reads the CHOICE inside an EXPLICIT tag that the caller has entered. */
export function readDistributionPointName(explicit: DerReader, what: string): DistributionPointName {
  const name: DistributionPointName = explicit.sees(contextConstructed(0))
    ? { kind: "full", names: readGeneralNames(explicit.enter(contextConstructed(0)), what) }
    : { kind: "relative", rdn: readRelativeName(explicit.enter(contextConstructed(1)), what) };
  explicit.finish();
  return name;
}

export function readReasons(reader: DerReader, as: number = tag.bitString): ReasonMask {
  const { bytes } = reader.bitString(as);
  let mask = 0;
  for (let bit = 1; bit <= 8; bit += 1)
    if (((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) mask |= 1 << bit;
  return mask;
}

function optional<K extends string, T>(key: K, present: boolean, read: () => T): { [P in K]?: T } {
  return present ? ({ [key]: read() } as { [P in K]: T }) : {};
}
