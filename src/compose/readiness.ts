import type { ReadinessItem } from "../admin/readiness.ts";
import type { TrustSnapshot } from "../trust/snapshot.ts";

/** Without an anchor nobody gets in. */
export function readinessOfAnchors({ anchors }: TrustSnapshot): ReadinessItem {
  return anchors.length === 0
    ? { name: "trust anchors", ok: false, detail: "none is loaded: every client is refused" }
    : { name: "trust anchors", ok: true, detail: `${anchors.length} loaded` };
}

/**
 * One item a CRL: is it current? A CRL out of date closes the gateway to the clients of that CA only, so where others
 * are current it is told, but does not take the whole gateway out of service.
 * @param now epoch ms
 */
export function readinessOfCrls(
  { heldCrls }: TrustSnapshot,
  mode: "hard" | "soft" | "off",
  now: number,
): ReadinessItem[] {
  if (mode === "off") return [];
  if (heldCrls.length === 0)
    return [{ name: "revocation lists", ok: false, detail: "none is loaded: every client is refused" }];
  const current = heldCrls.filter(({ nextUpdate }) => nextUpdate === undefined || now <= nextUpdate);
  return heldCrls.map((crl) => {
    const late = !current.includes(crl);
    return {
      name: `revocation list of ${crl.issuer}`,
      ok: !late || current.length > 0,
      detail: late ? "out of date: its issuer's clients are refused" : `${crl.entries} entries`,
      ageSeconds: Math.floor((now - crl.thisUpdate) / 1000),
      ...(crl.nextUpdate === undefined
        ? {}
        : { expiresInSeconds: Math.floor((crl.nextUpdate - now) / 1000) }),
    };
  });
}
