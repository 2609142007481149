import { beforeAll, describe, expect, it } from "vitest";
import { createAuthority } from "../../../src/dev/pki/authority.ts";
import { type CrlReader, readCrlsHere } from "../../../src/trust/crl-reader.ts";
import { createTrustStore, type TrustStoreOptions } from "../../../src/trust/trust-store.ts";
import type { TrustSnapshot } from "../../../src/trust/snapshot.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { ScriptedSource } from "../../support/scripted-source.ts";

type Authority = Awaited<ReturnType<typeof createAuthority>>;

const minute = 60_000;
const hour = 60 * minute;

let first: Authority;
let second: Authority;
let intermediate: Authority;

beforeAll(async () => {
  first = await createAuthority({ subject: "CN=First Root" });
  second = await createAuthority({ subject: "CN=Second Root" });
  intermediate = await createAuthority({ subject: "CN=Intermediate", issuer: first });
});

function setUp(options: Partial<TrustStoreOptions> = {}) {
  // The PKI is made on the spot and by the real clock.
  const clock = new ManualClock(Date.now());
  const logger = createRecordingLogger();
  const source = new ScriptedSource("root", first.certificate);
  const store = createTrustStore({
    clock,
    logger,
    anchors: [source],
    refreshMs: 5 * minute,
    maxStaleMs: hour,
    crlRefreshMs: 5 * minute,
    random: () => 0,
    ...options,
  });
  const changes: TrustSnapshot[] = [];
  store.onChange((snapshot) => changes.push(snapshot));
  return { clock, logger, source, store, changes };
}

const subjects = (snapshot: TrustSnapshot) => snapshot.anchors.map(({ subject }) => subject.text);

describe("before its start, a trust store", () => {
  it("trusts nobody", () => {
    const { store, source } = setUp();
    expect(store.current()).toMatchObject({ version: 0, anchors: [], intermediates: [], heldCrls: [] });
    expect(store.states().map(({ freshness }) => freshness)).toEqual(["empty"]);
    expect(source.calls).toBe(0);
  });
});

describe("starting", () => {
  it("loads every source", async () => {
    const { store } = setUp({
      intermediates: [new ScriptedSource("between", intermediate.certificate)],
      crls: [new ScriptedSource("crl", (await first.crl()).der)],
    });
    await store.start();
    const snapshot = store.current();
    expect(subjects(snapshot)).toEqual(["CN=First Root"]);
    expect(snapshot.intermediates.map(({ subject }) => subject.text)).toEqual(["CN=Intermediate"]);
    expect(snapshot.heldCrls.map(({ issuer }) => issuer)).toEqual(["CN=First Root"]);
    expect(store.states().map(({ name, freshness }) => [name, freshness])).toEqual([
      ["trust anchor: root", "fresh"],
      ["intermediate: between", "fresh"],
      ["crl: crl", "fresh"],
    ]);
  });

  it("makes no alarm of a trust anchor that comes later than a CRL", async () => {
    const source = new ScriptedSource("root", first.certificate);
    const { store, logger } = setUp({
      anchors: [{ name: "root", fetch: (signal) => settle().then(() => source.fetch(signal)) }],
      crls: [new ScriptedSource("crl", (await first.crl()).der)],
    });
    await store.start();
    expect(subjects(store.current())).toEqual(["CN=First Root"]);
    expect(logger.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("without a usable trust anchor tells the operator that nobody is let in", async () => {
    const source = new ScriptedSource("root");
    source.fails();
    const { store, logger } = setUp({ anchors: [source] });
    await store.start();
    expect(logger.lines).toContainEqual(
      expect.objectContaining({
        level: "error",
        message: "there is no usable trust anchor, nobody is let in",
      }),
    );
  });

  it("is not prevented by a source that fails, and the others are used", async () => {
    const broken = new ScriptedSource("broken");
    broken.fails();
    const { store, logger } = setUp({
      anchors: [broken, new ScriptedSource("good", second.certificate)],
    });
    await store.start();
    expect(subjects(store.current())).toEqual(["CN=Second Root"]);
    expect(store.states()[0]).toMatchObject({ freshness: "empty", lastError: new Error("source is down") });
    expect(logger.lines).toContainEqual({
      level: "error",
      fields: { source: "trust anchor: broken", reason: "source is down" },
      message: "the source fails; nothing of it is in use",
    });
  });

  it("ends although a source hangs", async () => {
    const hanging = new ScriptedSource("hanging");
    hanging.hangs();
    const { store, clock } = setUp({ anchors: [hanging], fetchTimeoutMs: 10_000 });
    const started = store.start();
    await clock.advance(10_000);
    await started;
    expect(store.states()[0]).toMatchObject({ freshness: "empty" });
  });

  it("tries a failed source again after a second, not after the interval", async () => {
    const { store, source, clock } = setUp();
    source.fails();
    await store.start();
    source.gives(first.certificate);
    await clock.advance(1000);
    expect(subjects(store.current())).toEqual(["CN=First Root"]);
  });
});

describe("a rotation", () => {
  it("arrives with the next refresh and is told once", async () => {
    const { store, source, clock, changes } = setUp();
    await store.start();
    source.gives(first.certificate, second.certificate);
    await clock.advance(5 * minute);
    expect(subjects(store.current())).toEqual(["CN=First Root", "CN=Second Root"]);
    expect(changes.map(({ version }) => version)).toEqual([1, 2]);
    expect(changes.at(-1)).toBe(store.current());
  });

  it("keeps the object of a certificate that stays", async () => {
    const { store, source, clock } = setUp();
    await store.start();
    const [before] = store.current().anchors;
    source.gives(second.certificate, first.certificate);
    await clock.advance(5 * minute);
    expect(store.current().anchors).toContain(before);
  });

  it("is none when a source gives the same again, in whatever order or bytes object", async () => {
    const { store, source, clock, changes } = setUp({});
    source.gives(first.certificate, second.certificate);
    await store.start();
    const before = store.current();
    source.gives(Buffer.from(second.certificate), Buffer.from(first.certificate));
    await clock.advance(5 * minute);
    expect(source.calls).toBe(2);
    expect(store.current()).toBe(before);
    expect(changes).toHaveLength(1);
  });

  it("counts a certificate once that two sources give", async () => {
    const { store } = setUp({
      anchors: [
        new ScriptedSource("vault", first.certificate),
        new ScriptedSource("file", first.certificate),
      ],
    });
    await store.start();
    expect(subjects(store.current())).toEqual(["CN=First Root"]);
    expect(store.current().version).toBe(1);
  });

  it("cannot be undone by a holder of an old snapshot: snapshots are frozen", async () => {
    const { store } = setUp();
    await store.start();
    const snapshot = store.current();
    expect(Object.isFrozen(snapshot)).toBe(true);
    expect(Object.isFrozen(snapshot.anchors)).toBe(true);
  });
});

describe("a source that fails later", () => {
  it("leaves what it gave last in use, and says so", async () => {
    const { store, source, clock, changes, logger } = setUp();
    await store.start();
    source.fails();
    await clock.advance(10 * minute);
    expect(subjects(store.current())).toEqual(["CN=First Root"]);
    expect(changes).toHaveLength(1);
    expect(store.states()[0]?.freshness).toBe("stale");
    expect(logger.lines.at(-1)).toMatchObject({ level: "warn", fields: { source: "trust anchor: root" } });
  });

  it("drops out of the snapshot at its staleness bound, at that instant, and the change is told", async () => {
    const { store, source, clock, changes, logger } = setUp();
    await store.start();
    source.fails();
    await clock.advance(hour - 1);
    expect(subjects(store.current())).toEqual(["CN=First Root"]);
    await clock.advance(1);
    expect(store.current()).toMatchObject({ version: 2, anchors: [] });
    expect(changes.at(-1)).toBe(store.current());
    expect(logger.lines.findLast(({ level }) => level === "error")?.message).toMatch(/nobody is let in/);
  });

  it("drops out even when no timer ran, because the machine slept", async () => {
    const { store, source, clock } = setUp();
    await store.start();
    source.fails();
    clock.sleep(hour);
    expect(store.current().anchors).toEqual([]);
  });

  it("does not take another source with it", async () => {
    const failing = new ScriptedSource("failing", first.certificate);
    const { store, clock } = setUp({
      anchors: [failing, new ScriptedSource("living", second.certificate)],
    });
    await store.start();
    failing.fails();
    await clock.advance(2 * hour);
    expect(subjects(store.current())).toEqual(["CN=Second Root"]);
  });

  it("comes back with its next answer", async () => {
    const { store, source, clock } = setUp();
    await store.start();
    source.fails();
    await clock.advance(2 * hour);
    source.gives(first.certificate);
    await clock.advance(minute);
    expect(subjects(store.current())).toEqual(["CN=First Root"]);
    expect(store.current().version).toBe(3);
  });
});

describe("a certificate that cannot be read", () => {
  it("is left out, loudly, and its neighbours stay", async () => {
    const { store, logger } = setUp({
      anchors: [
        new ScriptedSource("bundle", first.certificate, Buffer.from("3003020101", "hex"), second.certificate),
      ],
    });
    await store.start();
    expect(subjects(store.current())).toEqual(["CN=First Root", "CN=Second Root"]);
    expect(logger.lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { source: "bundle", position: 2 }, message: "a certificate cannot be read and is left out" },
    ]);
  });

  it("alone is a failure: the last good ones stay", async () => {
    const { store, source, clock } = setUp();
    await store.start();
    source.gives(Buffer.from("rubbish"));
    await clock.advance(5 * minute);
    expect(subjects(store.current())).toEqual(["CN=First Root"]);
    expect(store.states()[0]?.freshness).toBe("stale");
  });
});

describe("listeners", () => {
  it("that throw are logged and cost the others nothing", async () => {
    const { store, changes, logger } = setUp();
    const later: number[] = [];
    store.onChange(() => {
      throw new Error("listener is broken");
    });
    store.onChange(({ version }) => later.push(version));
    await store.start();
    expect(changes).toHaveLength(1);
    expect(later).toEqual([1]);
    expect(logger.lines.map(({ fields }) => fields["reason"])).toContain("listener is broken");
    expect(store.states()[0]?.freshness).toBe("fresh");
  });

  it("hear nothing any more after they ended it", async () => {
    const { store } = setUp();
    const heard: number[] = [];
    const end = store.onChange(({ version }) => heard.push(version));
    end();
    end();
    await store.start();
    expect(heard).toEqual([]);
  });
});

describe("stopping", () => {
  it("leaves no timer and asks nobody any more", async () => {
    const { store, source, clock } = setUp({ crls: [new ScriptedSource("crl", (await first.crl()).der)] });
    await store.start();
    store.stop();
    expect(clock.pending).toBe(0);
    await clock.advance(hour);
    expect(source.calls).toBe(1);
  });

  it("during a fetch leaves no timer either", async () => {
    const { store, source, clock } = setUp();
    source.hangs();
    const started = store.start();
    await settle();
    store.stop();
    await started;
    expect(clock.pending).toBe(0);
  });
});

describe("CRLs", () => {
  it("are looked at again before the first nextUpdate, however long the interval is", async () => {
    const clock = new ManualClock(Date.now());
    const crl = await first.crl({ nextUpdate: new Date(clock.now() + 20 * minute) });
    const source = new ScriptedSource("crl", crl.der);
    const { store } = setUp({ clock, crls: [source], crlRefreshMs: 24 * hour });
    await store.start();
    await clock.advance(10 * minute + 1000);
    expect(source.calls).toBe(2);
  });

  it("stay in the snapshot past their nextUpdate, for the decision to say why it refuses", async () => {
    const clock = new ManualClock(Date.now());
    const crl = await first.crl({ nextUpdate: new Date(clock.now() + minute) });
    const { store } = setUp({ clock, crls: [new ScriptedSource("crl", crl.der)] });
    await store.start();
    await clock.advance(2 * hour);
    expect(store.current().heldCrls).toHaveLength(1);
  });

  it("change the snapshot when a new one comes", async () => {
    const source = new ScriptedSource("crl", (await first.crl({ number: 1 })).der);
    const { store, clock, changes } = setUp({ crls: [source] });
    await store.start();
    const before = changes.length;
    const next = await first.crl({
      number: 2,
      thisUpdate: new Date(clock.now()),
      revoked: [{ serial: "0a" }],
    });
    source.gives(next.der);
    await clock.advance(5 * minute);
    // Its fingerprint is taken in another thread, which the manual clock does not wait for.
    await expect.poll(() => changes.length).toBe(before + 1);
    expect(store.current().heldCrls).toMatchObject([{ source: "crl", entries: 1 }]);
  });

  it("do not rebuild the index when only the anchors change", async () => {
    const { store, source, clock } = setUp({ crls: [new ScriptedSource("crl", (await first.crl()).der)] });
    await store.start();
    const { crls } = store.current();
    source.gives(first.certificate, second.certificate);
    await clock.advance(5 * minute);
    expect(store.current().anchors).toHaveLength(2);
    expect(store.current().crls).toBe(crls);
  });

  it("stay when the thread that reads their successors dies", async () => {
    const source = new ScriptedSource("crl", (await first.crl({ number: 1 })).der);
    let dies = false;
    const crlReader: CrlReader = {
      ...readCrlsHere,
      async parse(der) {
        if (dies) throw new Error("the CRL thread died");
        return readCrlsHere.parse(der);
      },
    };
    const { store, clock, logger } = setUp({ crls: [source], crlReader });
    await store.start();
    dies = true;
    source.gives((await first.crl({ number: 2, thisUpdate: new Date(clock.now()) })).der);
    await clock.advance(5 * minute);
    await expect.poll(() => store.crlStates()[0]?.freshness).toBe("stale");
    expect(store.current().crls.crls.map(({ crlNumber }) => crlNumber)).toEqual([1n]);
    expect(JSON.stringify(logger.lines)).toContain("the CRL thread died");
  });

  it("carry their CA's signature checked ahead, also when the CA becomes known after them", async () => {
    const { store, source, clock } = setUp({ crls: [new ScriptedSource("crl", (await second.crl()).der)] });
    await store.start();
    source.gives(first.certificate, second.certificate);
    await clock.advance(5 * minute);
    const { anchors, crls } = store.current();
    expect(anchors).toHaveLength(2);
    await expect.poll(() => crls.crls[0]?.knownSignatureBy(anchors[1]!.publicKey)).toBe(true);
  });
});
