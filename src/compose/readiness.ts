import { readinessOf, type ReadinessItem } from "../admin/readiness.ts";
import type { Clock } from "../kernel/clock.ts";
import type { HeldCrl } from "../trust/held-crl.ts";
import type { TrustSnapshot } from "../trust/snapshot.ts";
import type { TrustStore } from "../trust/trust-store.ts";

/** Without an anchor nobody gets in. */
export function readinessOfAnchors({ anchors }: TrustSnapshot): ReadinessItem {
  return anchors.length === 0
    ? { name: "trust anchors", ok: false, detail: "none is loaded: every client is refused" }
    : { name: "trust anchors", ok: true, detail: `${anchors.length} loaded` };
}

/**
 * One item a source and one a CRL. A CRL that is missing or out of date closes the gateway to the clients of that CA
 * only: it is told, but takes the gateway out of service only when no CRL at all is current.
 */
export function readinessOfCrls(
  store: Pick<TrustStore, "current" | "crlStates">,
  mode: "hard" | "soft" | "off",
  clock: Clock,
): ReadinessItem[] {
  if (mode === "off") return [];
  const { heldCrls } = store.current();
  const now = clock.now();
  const isLate = ({ nextUpdate }: HeldCrl) => nextUpdate !== undefined && now > nextUpdate;
  const someCurrent = heldCrls.some((crl) => !isLate(crl));
  return [
    ...store.crlStates().map((state) => {
      const item = readinessOf(state, clock);
      return { ...item, ok: item.ok || someCurrent };
    }),
    ...heldCrls.map((crl) => ({
      name: `revocation list of ${crl.issuer}`,
      ok: someCurrent,
      detail: isLate(crl) ? "out of date: its issuer's clients are refused" : `${crl.entries} entries`,
      ageSeconds: Math.floor((now - crl.thisUpdate) / 1000),
      ...(crl.nextUpdate === undefined
        ? {}
        : { expiresInSeconds: Math.floor((crl.nextUpdate - now) / 1000) }),
    })),
  ];
}
