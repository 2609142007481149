import { beforeEach, describe, expect, it } from "vitest";
import {
  readinessOfAnchors,
  readinessOfBackends,
  readinessOfCrls,
  type RevocationUse,
} from "../../../src/compose/readiness.ts";
import type { RefreshingState } from "../../../src/kernel/refreshing.ts";
import type { UpstreamState } from "../../../src/model/upstream-state.ts";
import type { HeldCrl } from "../../../src/trust/held-crl.ts";
import { emptySnapshot } from "../../../src/trust/snapshot.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { testPki } from "../../support/test-pki.ts";
import { trustFactsOf } from "../../support/trust-facts.ts";

describe("the readiness of trust anchors", () => {
  it("is not given while none is loaded, and says what that means", () => {
    expect(readinessOfAnchors(emptySnapshot)).toEqual({
      name: "trust anchors",
      ok: false,
      detail: "none is loaded: every client is refused",
    });
  });

  it("is given when one is loaded", async () => {
    const { anchors } = trustFactsOf(await testPki());
    expect(readinessOfAnchors({ ...emptySnapshot, anchors })).toMatchObject({ ok: true, detail: "1 loaded" });
  });
});

describe("the readiness of CRLs", () => {
  let clock: ManualClock;
  let current: HeldCrl;
  let late: HeldCrl;
  let fetched: RefreshingState;
  let broken: RefreshingState;
  beforeEach(() => {
    clock = new ManualClock();
    const now = clock.now();
    const crl = { source: "a", thisUpdate: now - 90_500, entries: 3, sha256: "00" };
    current = { ...crl, issuer: "CN=Current", nextUpdate: now + 60_000 };
    late = { ...crl, issuer: "CN=Late", nextUpdate: now - 1000 };
    fetched = { name: "crl a", freshness: "fresh", fetchedAt: now };
    broken = { name: "crl b", freshness: "empty", lastError: new Error("no such host") };
  });
  const readiness = (
    heldCrls: readonly HeldCrl[],
    sources: readonly RefreshingState[] = [],
    use: Partial<RevocationUse> = {},
  ) =>
    readinessOfCrls(
      { current: () => ({ ...emptySnapshot, heldCrls }), crlStates: () => sources },
      { mode: "hard", graceMs: 0, asksAtNeed: false, ...use },
      clock,
    );

  it("tells age, end and entries of a list", () => {
    expect(readiness([current])).toEqual([
      {
        name: "revocation list of CN=Current",
        ok: true,
        detail: "3 entries",
        ageSeconds: 90,
        expiresInSeconds: 60,
      },
    ]);
  });

  it("is not given when the only list is out of date, and says what that means", () => {
    expect(readiness([late])).toMatchObject([
      { ok: false, detail: "out of date: its issuer's clients are refused", expiresInSeconds: -1 },
    ]);
  });

  it("is given, and the late list told, while another one is current", () => {
    expect(readiness([late, current])).toMatchObject([
      { name: "revocation list of CN=Late", ok: true, detail: expect.stringContaining("out of date") },
      { name: "revocation list of CN=Current", ok: true, detail: "3 entries" },
    ]);
  });

  it("takes a list's last instant as current", () => {
    expect(readiness([{ ...current, nextUpdate: clock.now() }])).toMatchObject([{ ok: true }]);
    expect(readiness([{ ...current, nextUpdate: clock.now() - 1 }])).toMatchObject([{ ok: false }]);
  });

  it("is not given when no source ever gave a list, with each source's reason", () => {
    expect(readiness([], [broken])).toMatchObject([
      { name: "crl b", ok: false, detail: "never fetched: no such host" },
    ]);
  });

  it("is given, and the broken source told, while another source's list is current", () => {
    expect(readiness([current], [fetched, broken])).toMatchObject([
      { name: "crl a", ok: true },
      { name: "crl b", ok: true, detail: "never fetched: no such host" },
      { name: "revocation list of CN=Current", ok: true },
    ]);
  });

  it("says nothing while revocation is off", () => {
    expect(readiness([late], [broken], { mode: "off" })).toEqual([]);
  });

  it("is given during the grace of soft mode, and tells what that costs", () => {
    expect(readiness([late], [fetched], { mode: "soft", graceMs: 2000 })).toMatchObject([
      { ok: true },
      { ok: true, detail: "out of date, used for its grace: later revocations are not seen" },
    ]);
    expect(readiness([late], [fetched], { mode: "soft", graceMs: 500 })).toMatchObject([
      { ok: true },
      { ok: false },
    ]);
  });

  it("is given without any list where OCSP or distribution points are asked at need", () => {
    expect(readiness([], [broken], { asksAtNeed: true })).toMatchObject([{ ok: true }]);
  });
});

describe("the readiness of backends", () => {
  const clock = new ManualClock();
  const upstream = (
    backend: string,
    deployment: string,
    over: Partial<UpstreamState> = {},
  ): UpstreamState => ({
    backend,
    deployment,
    outstanding: 0,
    state: "closed",
    ...over,
  });
  const failing = { state: "open", reason: "failing", seen: "500", until: clock.now() + 4500 } as const;

  it("tells what is open and why, and keeps the gateway in service for what is not", () => {
    expect(readinessOfBackends([upstream("north", "gpt", failing), upstream("south", "gpt")], clock)).toEqual(
      [
        { name: "backend north", ok: true, detail: "gpt is open for 5 s (failing: 500)" },
        { name: "backend south", ok: true },
      ],
    );
  });

  it("takes the gateway out of service when everything fails, whatever is known of stored objects", () => {
    const all = [upstream("north", "gpt", failing), upstream("south", "gpt", failing), upstream("south", "")];
    expect(readinessOfBackends(all, clock).map(({ ok }) => ok)).toEqual([false, false]);
  });

  it("does not take it out of service for limits that are reached", () => {
    const paused = { ...failing, reason: "paused" } as const;
    expect(readinessOfBackends([upstream("north", "gpt", paused)], clock)).toMatchObject([{ ok: true }]);
  });

  it("has nothing to say where there are only routes", () => {
    expect(readinessOfBackends([], clock)).toEqual([]);
  });
});
