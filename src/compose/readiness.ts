import { readinessOf, type ReadinessItem } from "../admin/readiness.ts";
import type { Clock } from "../kernel/clock.ts";
import type { UpstreamState } from "../model/upstream-state.ts";
import type { HeldCrl } from "../trust/held-crl.ts";
import type { TrustSnapshot } from "../trust/snapshot.ts";
import type { TrustStore } from "../trust/trust-store.ts";

/** Without an anchor nobody gets in. */
export function readinessOfAnchors({ anchors }: TrustSnapshot): ReadinessItem {
  return anchors.length === 0
    ? { name: "trust anchors", ok: false, detail: "none is loaded: every client is refused" }
    : { name: "trust anchors", ok: true, detail: `${anchors.length} loaded` };
}

/** How revocation takes part, as far as readiness is concerned. */
export interface RevocationUse {
  readonly mode: "hard" | "soft" | "off";
  /** Milliseconds after its nextUpdate for which a CRL counts. */
  readonly graceMs: number;
  /** Whether OCSP or distribution points may know what no CRL tells. */
  readonly asksAtNeed: boolean;
}

/**
 * One item a source and one a CRL. A CRL that is missing or out of date closes the gateway to the clients of that CA
 * only: it is told, but takes the gateway out of service only when no CRL at all is current and nobody else is asked.
 */
export function readinessOfCrls(
  store: Pick<TrustStore, "current" | "crlStates">,
  { mode, graceMs, asksAtNeed }: RevocationUse,
  clock: Clock,
): ReadinessItem[] {
  if (mode === "off") return [];
  const { heldCrls } = store.current();
  const now = clock.now();
  const isLate = ({ nextUpdate }: HeldCrl, grace = 0) => nextUpdate !== undefined && now > nextUpdate + grace;
  const someCount = asksAtNeed || heldCrls.some((crl) => !isLate(crl, graceMs));
  return [
    ...store.crlStates().map((state) => {
      const item = readinessOf(state, clock);
      return { ...item, ok: item.ok || someCount };
    }),
    ...heldCrls.map((crl) => ({
      name: `revocation list of ${crl.issuer}`,
      ok: someCount,
      detail: isLate(crl, graceMs)
        ? "out of date: its issuer's clients are refused"
        : isLate(crl)
          ? "out of date, used for its grace: later revocations are not seen"
          : `${crl.entries} entries`,
      ageSeconds: Math.floor((now - crl.thisUpdate) / 1000),
      ...(crl.nextUpdate === undefined
        ? {}
        : { expiresInSeconds: Math.floor((crl.nextUpdate - now) / 1000) }),
    })),
  ];
}

/**
 * One item a backend. One that is out is told and no more: the deployments that live elsewhere too are served, and
 * another replica would find the same. Only when nothing can be sent anywhere is the gateway out of service.
 */
export function readinessOfBackends(states: readonly UpstreamState[], clock: Clock): ReadinessItem[] {
  const ofDeployments = states.filter(({ deployment }) => deployment !== "");
  const isOut = ({ state, reason }: UpstreamState) => state === "open" && reason === "failing";
  const ok = ofDeployments.length === 0 || !ofDeployments.every(isOut);
  return [...Map.groupBy(ofDeployments, ({ backend }) => backend)].map(([backend, all]) => {
    const detail = all.flatMap((one) => describeCircuit(one, clock)).join("; ");
    return { name: `backend ${backend}`, ok, ...(detail === "" ? {} : { detail }) };
  });
}

function describeCircuit({ deployment, state, reason, seen, until }: UpstreamState, clock: Clock): string[] {
  if (state === "closed") return [];
  const wait = until === undefined ? "" : ` for ${Math.ceil((until - clock.now()) / 1000)} s`;
  return [`${deployment} is ${state}${wait} (${reason}: ${seen})`];
}
