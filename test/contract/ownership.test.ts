import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { createRedisOwnership } from "../../src/ownership/adapters/redis-ownership.ts";
import { createSqliteOwnership } from "../../src/ownership/adapters/sqlite-ownership.ts";
import type { Claim, OwnershipStore, StoredObject } from "../../src/ownership/ownership-store.ts";
import { hasRedis, startRedis, type RedisServer } from "../support/redis-server.ts";

const minute = 60_000;
const file = (change: Partial<StoredObject> = {}): StoredObject => ({
  backend: "main",
  kind: "file",
  id: `file-${randomUUID()}`,
  ...change,
});
const until = (object: StoredObject, expiresAt: Claim["expiresAt"] = Date.now() + minute): Claim => ({
  object,
  expiresAt,
});

interface Adapter {
  readonly start: () => Promise<void>;
  /** A further handle on the same data, as a second process has it. */
  readonly open: () => OwnershipStore;
  readonly stop: () => Promise<void>;
}

let folder: string;
const sqlite: Adapter = {
  async start() {
    folder = await mkdtemp(join(tmpdir(), "certgate-ownership-"));
  },
  open: () => createSqliteOwnership({ file: join(folder, "ownership.sqlite"), clock: systemClock }),
  stop: () => rm(folder, { recursive: true }),
};

let server: RedisServer;
const redis: Adapter = {
  async start() {
    server = await startRedis();
  },
  open: () => createRedisOwnership({ url: server.url, clock: systemClock, logger: silentLogger }),
  stop: () => server.stop(),
};

describe("ownership in SQLite", () => {
  keepsOwnership(sqlite);
});
// Skipped where this machine has no redis-server.
describe.skipIf(!hasRedis)("ownership in Redis", () => {
  keepsOwnership(redis);
});

function keepsOwnership({ start, open, stop }: Adapter): void {
  let store: OwnershipStore;
  beforeAll(async () => {
    await start();
    store = open();
  });
  afterAll(async () => {
    await store.close();
    await stop();
  });
  const ownerOf = async (object: StoredObject, from = store) => (await from.ownersOf([object]))[0];
  /** Waits until a claim that ends in `ms` has ended. */
  const passed = async (ms: number) => {
    const marker = file();
    await store.claim([until(marker, Date.now() + ms)], "device-1");
    await expect.poll(() => ownerOf(marker), { interval: 20 }).toBeUndefined();
  };

  it("knows who claimed an object, and nobody for one that was never claimed", async () => {
    const mine = file();
    await store.claim([until(mine)], "device-1");
    expect(await store.ownersOf([file(), mine, file()])).toEqual([undefined, "device-1", undefined]);
  });

  it("answers nothing to nothing", async () => {
    await store.claim([], "device-1");
    await store.forget([]);
    expect(await store.ownersOf([])).toEqual([]);
  });

  it("keeps the first owner, and refuses the second with an error", async () => {
    const mine = file();
    await store.claim([until(mine)], "device-1");
    const second = store.claim([until(mine)], "device-2");
    await expect(second).rejects.toMatchObject({ code: "ownership_conflict" });
    expect(await ownerOf(mine)).toBe("device-1");
  });

  it("lets one of many claims at the same time win", async () => {
    const contested = file();
    const handles = Array.from({ length: 4 }, open);
    const outcomes = await Promise.allSettled(
      handles.map((handle, index) => handle.claim([until(contested)], `device-${index}`)),
    );
    const winners = outcomes.flatMap(({ status }, index) =>
      status === "fulfilled" ? [`device-${index}`] : [],
    );
    expect(winners).toHaveLength(1);
    expect(await ownerOf(contested)).toBe(winners[0]);
    await Promise.all(handles.map((handle) => handle.close()));
  });

  it("takes a repeated claim of the owner, and keeps the later expiry", async () => {
    const mine = file();
    await store.claim([until(mine, Date.now() + 150)], "device-1");
    await store.claim([until(mine)], "device-1");
    await store.claim([until(mine, Date.now() + 100)], "device-1");
    await passed(200);
    expect(await ownerOf(mine)).toBe("device-1");
  });

  it("does not let a claim for ever be shortened", async () => {
    const mine = file();
    await store.claim([until(mine, "never")], "device-1");
    await store.claim([until(mine, Date.now() + 30)], "device-1");
    await passed(100);
    expect(await ownerOf(mine)).toBe("device-1");
  });

  it("turns a claim with an end into one without", async () => {
    const mine = file();
    await store.claim([until(mine, Date.now() + 80)], "device-1");
    await store.claim([until(mine, "never")], "device-1");
    await passed(150);
    expect(await ownerOf(mine)).toBe("device-1");
  });

  it("forgets an object when it expires, and lets another claim it then", async () => {
    const mine = file();
    await store.claim([until(mine, Date.now() + 200)], "device-1");
    expect(await ownerOf(mine)).toBe("device-1");
    await expect.poll(() => ownerOf(mine), { interval: 20 }).toBeUndefined();
    await store.claim([until(mine)], "device-2");
    expect(await ownerOf(mine)).toBe("device-2");
  });

  it("tells apart the same id of two backends, of two kinds, and in two cases", async () => {
    const mine = file({ id: `File-${randomUUID()}` });
    const elsewhere = { ...mine, backend: "other" };
    const otherKind = { ...mine, kind: "batch" } as const;
    const lower = { ...mine, id: mine.id.toLowerCase() };
    await store.claim([until(mine)], "device-1");
    await store.claim([until(elsewhere)], "device-2");
    const owners = await store.ownersOf([mine, elsewhere, otherKind, lower]);
    expect(owners).toEqual(["device-1", "device-2", undefined, undefined]);
  });

  it("forgets what was deleted, and nothing else", async () => {
    const [gone, kept] = [file(), file()];
    await store.claim([until(gone), until(kept)], "device-1");
    await store.forget([gone, file()]);
    expect(await store.ownersOf([gone, kept])).toEqual([undefined, "device-1"]);
  });

  it("shows a claim to every other handle at once, also after its own has closed", async () => {
    const mine = file();
    const [writer, reader] = [open(), open()];
    await writer.claim([until(mine, "never")], "device-1");
    expect(await ownerOf(mine, reader)).toBe("device-1");
    await writer.close();
    await reader.close();
    const later = open();
    expect(await ownerOf(mine, later)).toBe("device-1");
    await later.close();
  });

  it("answers with its reason code after it was closed", async () => {
    const closed = open();
    await closed.close();
    await closed.close();
    const unavailable = { code: "ownership_unavailable" };
    await expect(closed.ownersOf([file()])).rejects.toMatchObject(unavailable);
    await expect(closed.claim([until(file())], "device-1")).rejects.toMatchObject(unavailable);
  });
}
