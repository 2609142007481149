import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/kernel/clock.ts";
import { createRedisOwnership } from "../../src/ownership/adapters/redis-ownership.ts";
import { createSqliteOwnership } from "../../src/ownership/adapters/sqlite-ownership.ts";
import type { StoredObject } from "../../src/ownership/ownership-store.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { hasRedis, startRedis } from "../support/redis-server.ts";
import { tempDir } from "../support/temp-dir.ts";
import { testPki } from "../support/test-pki.ts";

const file: StoredObject = { backend: "main", kind: "file", id: "file-1" };
const unavailable = { code: "ownership_unavailable" };

describe("the SQLite file", () => {
  const database = async () => join(await tempDir(), "ownership.sqlite");

  it("is readable by its owner only, with the files beside it, whatever it was before", async () => {
    const path = await database();
    await writeFile(path, "");
    await chmod(path, 0o644);
    const store = createSqliteOwnership({ file: path, clock: systemClock });
    await store.claim([{ object: file, expiresAt: "never" }], "device-1");
    for (const name of [path, `${path}-wal`, `${path}-shm`])
      expect([name, ((await stat(name)).mode & 0o777).toString(8)]).toEqual([name, "600"]);
    await store.close();
  });

  it("is waited for while another process writes, for a bounded time", async () => {
    const path = await database();
    const store = createSqliteOwnership({ file: path, clock: systemClock, busyTimeoutMs: 50 });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    await expect(store.claim([{ object: file, expiresAt: "never" }], "device-1")).rejects.toMatchObject(
      unavailable,
    );
    // Readers are not held up by a writer.
    expect(await store.ownersOf([file])).toEqual([undefined]);
    other.exec("ROLLBACK");
    other.close();
    await store.claim([{ object: file, expiresAt: "never" }], "device-1");
    expect(await store.ownersOf([file])).toEqual(["device-1"]);
    await store.close();
  });

  it("claims all or nothing", async () => {
    const store = createSqliteOwnership({ file: ":memory:", clock: systemClock });
    const second = { ...file, id: "file-2" };
    await store.claim([{ object: second, expiresAt: "never" }], "device-2");
    const claims = [file, second].map((object) => ({ object, expiresAt: "never" as const }));
    await expect(store.claim(claims, "device-1")).rejects.toMatchObject({ code: "ownership_conflict" });
    expect(await store.ownersOf([file, second])).toEqual([undefined, "device-2"]);
    await store.close();
  });

  it("loses nothing to a clock that is set forward by mistake, and back", async () => {
    const [clock, dayMs] = [new ManualClock(), 86_400_000];
    const store = createSqliteOwnership({ file: await database(), clock });
    await store.claim([{ object: file, expiresAt: clock.now() + dayMs }], "device-1");
    clock.set(20 * dayMs);
    expect(await store.ownersOf([file])).toEqual([undefined]);
    await store.claim([{ object: { ...file, id: "file-2" }, expiresAt: "never" }], "device-1");
    clock.set(-20 * dayMs);
    expect(await store.ownersOf([file])).toEqual(["device-1"]);
    clock.sleep(dayMs);
    expect(await store.ownersOf([file])).toEqual([undefined]);
    await store.close();
  });

  it("sweeps out what has expired long ago", async () => {
    const path = await database();
    const store = createSqliteOwnership({ file: path, clock: systemClock });
    await store.claim([{ object: file, expiresAt: Date.now() - 31 * 86_400_000 }], "device-1");
    await store.claim([{ object: { ...file, id: "file-2" }, expiresAt: "never" }], "device-1");
    const reader = new DatabaseSync(path, { readOnly: true });
    expect(reader.prepare("SELECT id FROM ownership").all()).toEqual([{ id: "file-2" }]);
    reader.close();
    await store.close();
  });

  it.each([
    ["a folder", (path: string) => mkdir(path)],
    ["no database", (path: string) => writeFile(path, "x".repeat(4096))],
  ])("that is %s is refused with its reason code", async (_what, make) => {
    const path = await database();
    await make(path);
    expect(() => createSqliteOwnership({ file: path, clock: systemClock })).toThrow(
      expect.objectContaining(unavailable),
    );
  });
});

describe.skipIf(!hasRedis)("a Redis", () => {
  async function started(timeoutMs: number) {
    const redis = await startRedis();
    const logger = createRecordingLogger();
    const store = createRedisOwnership({ url: redis.url, clock: systemClock, logger, timeoutMs });
    onTestFinished(async () => {
      await store.close();
      await redis.stop();
    });
    return { redis, store, logger };
  }

  it("that hangs is given up within the time limit, and serves again when it wakes", async () => {
    const { redis, store } = await started(300);
    await store.claim([{ object: file, expiresAt: "never" }], "device-1");
    redis.freeze();
    const before = performance.now();
    await expect(store.ownersOf([file])).rejects.toMatchObject(unavailable);
    expect(performance.now() - before).toBeLessThan(2000);
    redis.thaw();
    await expect.poll(() => store.ownersOf([file]).catch(() => "not yet")).toEqual(["device-1"]);
  });

  it("that died is refused at once, logged once, and found again when it is back", async () => {
    const { redis, store, logger } = await started(5000);
    await store.ownersOf([file]);
    await redis.stop();
    const before = performance.now();
    await expect(store.ownersOf([file])).rejects.toMatchObject(unavailable);
    await expect(store.claim([{ object: file, expiresAt: "never" }], "device-1")).rejects.toMatchObject(
      unavailable,
    );
    expect(performance.now() - before).toBeLessThan(2000);
    const second = await startRedis(redis.port);
    onTestFinished(() => second.stop());
    await expect
      .poll(() => store.ownersOf([file]).catch(() => "not yet"), { timeout: 10_000 })
      .toEqual([undefined]);
    expect(logger.lines.map(({ level }) => level)).toEqual(["error", "info"]);
  }, 20_000);

  it("that wants a password serves with it, and is refused without", async () => {
    const redis = await startRedis(undefined, { requirepass: "swordfish" });
    const options = { url: redis.url, clock: systemClock, timeoutMs: 5000 };
    const logger = createRecordingLogger();
    const stranger = createRedisOwnership({ ...options, logger });
    const store = createRedisOwnership({ ...options, logger, password: "swordfish" });
    onTestFinished(async () => {
      await Promise.all([store.close(), stranger.close()]);
      await redis.stop();
    });
    await store.claim([{ object: file, expiresAt: "never" }], "device-1");
    expect(await store.ownersOf([file])).toEqual(["device-1"]);
    await expect(stranger.ownersOf([file])).rejects.toMatchObject(unavailable);
    expect(JSON.stringify(logger.lines)).not.toContain("swordfish");
  });

  it("behind TLS serves those that trust its CA, and nobody is served who does not", async () => {
    const pki = await testPki();
    const folder = await tempDir();
    for (const [name, text] of [
      ["cert.pem", pki.server.chainPem],
      ["key.pem", pki.server.keyPem],
      ["ca.pem", pki.root.pem],
    ] as const)
      await writeFile(join(folder, name), text, { mode: 0o600 });
    const plain = await startRedis();
    await plain.stop();
    const redis = await startRedis(0, {
      "tls-port": String(plain.port),
      "tls-cert-file": join(folder, "cert.pem"),
      "tls-key-file": join(folder, "key.pem"),
      "tls-ca-cert-file": join(folder, "ca.pem"),
      "tls-auth-clients": "no",
    });
    const options = {
      url: `rediss://localhost:${plain.port}`,
      clock: systemClock,
      logger: createRecordingLogger(),
      timeoutMs: 5000,
    };
    const store = createRedisOwnership({ ...options, ca: pki.root.pem });
    const stranger = createRedisOwnership(options);
    onTestFinished(async () => {
      await Promise.all([store.close(), stranger.close()]);
      await redis.stop();
    });
    await store.claim([{ object: file, expiresAt: "never" }], "device-1");
    expect(await store.ownersOf([file])).toEqual(["device-1"]);
    await expect(stranger.ownersOf([file])).rejects.toMatchObject(unavailable);
  });

  it("that never was there is refused at once", async () => {
    const redis = await startRedis();
    await redis.stop();
    const logger = createRecordingLogger();
    const store = createRedisOwnership({ url: redis.url, clock: systemClock, logger, timeoutMs: 5000 });
    onTestFinished(() => store.close());
    const before = performance.now();
    await expect(store.ownersOf([file])).rejects.toMatchObject(unavailable);
    expect(performance.now() - before).toBeLessThan(2000);
  });
});
