import type { Certificate } from "../pki/certificate.ts";
import { type CrlIndex, createCrlIndex } from "../pki/revocation.ts";
import type { HeldCrl, KeptCrl } from "./held-crl.ts";

/**
 * Everything that a trust decision takes from outside, at one instant: immutable, so that a decision sees one state
 * only, and numbered, so that a kept verdict knows when it is out of date.
 */
export interface TrustSnapshot {
  /** Grows by one whenever the content changes. 0: nothing was loaded yet. */
  readonly version: number;
  readonly anchors: readonly Certificate[];
  /** Untrusted candidates for path building. */
  readonly intermediates: readonly Certificate[];
  readonly crls: CrlIndex;
  readonly heldCrls: readonly HeldCrl[];
}

/** Before anything was loaded: nobody is let in. */
export const emptySnapshot: TrustSnapshot = Object.freeze({
  version: 0,
  anchors: [],
  intermediates: [],
  crls: createCrlIndex([]),
  heldCrls: [],
});

/**
 * The next snapshot, or `before` itself when nothing really changed: a source that gives the same again must not
 * make anybody judge again.
 */
export function assembleSnapshot(
  before: TrustSnapshot,
  anchors: readonly Certificate[],
  intermediates: readonly Certificate[],
  crls: readonly KeptCrl[],
): TrustSnapshot {
  const next = {
    version: before.version + 1,
    anchors: once(anchors, (certificate) => certificate.sha256),
    intermediates: once(intermediates, (certificate) => certificate.sha256),
    heldCrls: crls.map(({ held }) => held),
  };
  const sameCrls = equal(before.heldCrls, next.heldCrls, ({ source, sha256 }) => `${source} ${sha256}`);
  const same =
    sameCrls &&
    equal(before.anchors, next.anchors, ({ sha256 }) => sha256) &&
    equal(before.intermediates, next.intermediates, ({ sha256 }) => sha256);
  if (same) return before;
  const distinct = once(crls, ({ held }) => held.sha256);
  return Object.freeze({
    ...next,
    crls: sameCrls ? before.crls : createCrlIndex(distinct.map(({ crl }) => crl)),
  });
}

const once = <T>(values: readonly T[], key: (value: T) => string): readonly T[] =>
  Object.freeze([...new Map(values.map((value) => [key(value), value])).values()]);

/** Neither list holds anything twice, so the order does not matter and one direction is enough. */
function equal<T>(before: readonly T[], next: readonly T[], key: (value: T) => string): boolean {
  const known = new Set(before.map(key));
  return before.length === next.length && next.every((value) => known.has(key(value)));
}
