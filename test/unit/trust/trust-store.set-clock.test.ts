import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Authority, createAuthority } from "../../../src/dev/pki/authority.ts";
import { createTrustStore, type TrustStore } from "../../../src/trust/trust-store.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { ScriptedSource } from "../../support/scripted-source.ts";

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
let root: Authority;
let clock: ManualClock;
let anchor: ScriptedSource;
let crl: ScriptedSource;
let store: TrustStore;
let changes: number;
beforeAll(async () => {
  root = await createAuthority({ subject: "CN=Root" });
});
beforeEach(async () => {
  clock = new ManualClock(Date.now());
  anchor = new ScriptedSource("root", root.certificate);
  crl = new ScriptedSource("crl", (await root.crl({ number: 1 })).der);
  store = createTrustStore({
    clock,
    logger: createRecordingLogger(),
    anchors: [anchor],
    crls: [crl],
    refreshMs: 2 * hour,
    maxStaleMs: 4 * hour,
    crlRefreshMs: 2 * hour,
    random: () => 0,
  });
  await store.start();
  changes = 0;
  store.onChange(() => (changes += 1));
});

const anchors = () => store.current().anchors.length;

describe("a trust store whose machine slept, or whose clock is set forward", () => {
  it("looks at its sources within seconds", async () => {
    clock.set(3 * hour);
    const before = [anchor.calls, crl.calls];
    await clock.advance(10_000);
    expect([anchor.calls, crl.calls]).toEqual(before.map((calls) => calls + 1));
    expect(anchors()).toBe(1);
  });

  it("trusts nothing that is too old by then, from the first question on, and says so", () => {
    anchor.fails();
    clock.set(4 * hour);
    expect(anchors()).toBe(0);
    expect(changes).toBe(1);
  });

  it("tells its listeners of that within seconds, though nobody asks", async () => {
    anchor.fails();
    await clock.advance(minute);
    clock.set(4 * hour);
    await clock.advance(10_000);
    expect(changes).toBe(1);
    expect(store.certificateStates()).toMatchObject([{ freshness: "expired" }]);
  });
});

describe("a trust store whose clock is set back", () => {
  it("keeps an anchor whose source is gone for no longer than it was meant to", async () => {
    anchor.fails();
    clock.set(-30 * day);
    await clock.advance(4 * hour - minute);
    expect(anchors()).toBe(1);
    await clock.advance(minute);
    expect(anchors()).toBe(0);
  });

  it("looks at its sources at the same pace", async () => {
    const before = anchor.calls;
    clock.set(-30 * day);
    await clock.advance(2 * hour);
    expect(anchor.calls).toBe(before + 1);
  });

  it("does not go back to a CRL that a newer one replaced", async () => {
    const { serial } = await root.issue({ subject: "CN=stolen" });
    crl.gives((await root.crl({ number: 2, revoked: [{ serial }] })).der);
    await store.refresh();
    crl.gives((await root.crl({ number: 1 })).der);
    clock.set(-day);
    await store.refresh();
    expect(store.current().heldCrls).toMatchObject([{ entries: 1 }]);
  });
});
