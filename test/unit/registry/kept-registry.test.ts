import { beforeEach, describe, expect, it } from "vitest";
import { KeptRegistry } from "../../../src/registry/kept-registry.ts";
import type { RegistryReading, RegistryVersion } from "../../../src/registry/ports.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { createRecordingLogger, type RecordingLogger } from "../../support/recording-logger.ts";

let clock: ManualClock;
let log: RecordingLogger;
let changed: () => boolean;
let asked: (RegistryVersion | undefined)[];
let revision: number;
let kept: KeptRegistry<{ readonly revision: number }>;
beforeEach(() => {
  clock = new ManualClock();
  log = createRecordingLogger();
  changed = () => false;
  asked = [];
  revision = 1;
  kept = new KeptRegistry({
    clock,
    log,
    pollMs: 1000,
    reader: {
      name: "registry",
      changed: async () => changed(),
      read(since): RegistryReading {
        asked.push(since);
        return { version: { id: "r", revision }, complete: since === undefined, rows: [], removed: [] };
      },
      close() {},
    },
    load: async ({ version }) => ({ revision: version.revision }),
  });
});

describe("a kept registry", () => {
  it("is read once at the start, whatever the reader says of changes", async () => {
    await kept.start();
    expect(asked).toEqual([undefined]);
    expect(kept.current()).toEqual({ revision: 1 });
  });

  it("is not read again while nothing changes", async () => {
    await kept.start();
    await clock.advance(10_000);
    expect(asked).toHaveLength(1);
    expect(kept.version()).toBe(1);
  });

  it("is read from the last version on when it changed, and says so", async () => {
    await kept.start();
    let heard = 0;
    kept.onChange(() => (heard += 1));
    changed = () => true;
    revision = 2;
    await clock.advance(1000);
    expect(asked).toEqual([undefined, { id: "r", revision: 1 }]);
    expect([kept.current(), kept.version(), heard]).toEqual([{ revision: 2 }, 2, 1]);
  });

  it("keeps the last value while it cannot be read, tells so, and comes back", async () => {
    await kept.start();
    changed = () => {
      throw new Error("gone");
    };
    await clock.advance(1000);
    expect(kept.current()).toEqual({ revision: 1 });
    expect(kept.state()).toMatchObject({ freshness: "stale" });
    expect(log.lines).toMatchObject([{ level: "error", fields: { fault: "gone" } }]);
    changed = () => true;
    revision = 3;
    await clock.advance(60_000);
    expect(kept.current()).toEqual({ revision: 3 });
    expect(kept.state()).toMatchObject({ freshness: "fresh" });
  });

  it("does not start where it cannot be read", async () => {
    changed = () => {
      throw new Error("gone");
    };
    await expect(kept.start()).rejects.toThrow("gone");
  });
});
