import { describe, expect, it } from "vitest";
import { readinessOfAnchors, readinessOfCrls } from "../../../src/compose/readiness.ts";
import type { RefreshingState } from "../../../src/kernel/refreshing.ts";
import type { HeldCrl } from "../../../src/trust/held-crl.ts";
import { emptySnapshot } from "../../../src/trust/snapshot.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const clock = new ManualClock();
const hour = 3_600_000;

const crl = (issuer: string, hoursLeft: number): HeldCrl => ({
  source: `url of ${issuer}`,
  issuer,
  thisUpdate: clock.now() - hour,
  nextUpdate: clock.now() + hoursLeft * hour,
  entries: 2,
  sha256: issuer,
});
const source = (name: string, freshness: RefreshingState["freshness"]): RefreshingState => ({
  name: `crl: ${name}`,
  freshness,
});
const items = (
  heldCrls: readonly HeldCrl[],
  sources: readonly RefreshingState[],
  mode: "hard" | "off" = "hard",
) =>
  readinessOfCrls({ current: () => ({ ...emptySnapshot, heldCrls }), crlStates: () => sources }, mode, clock);
const ready = (...given: Parameters<typeof items>) => items(...given).every(({ ok }) => ok);

describe("readiness of CRLs", () => {
  it("is given while every CRL is current", () => {
    const given = items([crl("CN=A", 1)], [source("a", "fresh")]);
    expect(given).toEqual([
      { name: "crl: a", ok: true },
      {
        name: "revocation list of CN=A",
        ok: true,
        detail: "2 entries",
        ageSeconds: 3600,
        expiresInSeconds: 3600,
      },
    ]);
  });

  it("is given, and the late one told, while another CA's CRL is current: its clients are served", () => {
    const given = items([crl("CN=A", -1), crl("CN=B", 1)], [source("a", "stale"), source("b", "fresh")]);
    expect(given.every(({ ok }) => ok)).toBe(true);
    expect(given).toContainEqual(expect.objectContaining({ detail: expect.stringMatching(/^out of date/) }));
  });

  it("is given, and the empty source told, while another source has a current CRL", () => {
    const given = items([crl("CN=B", 1)], [source("a", "empty"), source("b", "fresh")]);
    expect(given.every(({ ok }) => ok)).toBe(true);
    expect(given).toContainEqual({ name: "crl: a", ok: true, detail: "not fetched yet" });
  });

  it("is refused when no CRL is there: nobody can be let in", () => {
    expect(ready([], [source("a", "empty"), source("b", "empty")])).toBe(false);
  });

  it("is refused when every CRL is out of date", () => {
    expect(ready([crl("CN=A", -1), crl("CN=B", -1)], [source("a", "fresh"), source("b", "fresh")])).toBe(
      false,
    );
  });

  it("is not asked for where revocation is off", () => {
    expect(items([], [], "off")).toEqual([]);
  });
});

describe("readiness of trust anchors", () => {
  it("is refused without any", () => {
    expect(readinessOfAnchors(emptySnapshot).ok).toBe(false);
  });
});
