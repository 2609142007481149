import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRegistryStore } from "../../src/compose/registry-store.ts";
import type { ClientOptions } from "../../src/model/client-options.ts";
import { sqliteRegistryReader } from "../../src/registry/adapters/sqlite-reader.ts";
import type { RegistryReader, RegistryStore, RegistryVersion } from "../../src/registry/ports.ts";

let folder: string;
let file: string;
let store: RegistryStore;
let reader: RegistryReader;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "certgate-registry-"));
  file = join(folder, "clients.sqlite");
  store = openRegistryStore(file, "write or create");
  reader = sqliteRegistryReader(file);
});
afterEach(() => {
  reader.close();
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const client = (name: string, digit: string): ClientOptions => ({
  name,
  thumbprints: [digit.repeat(64)],
  deployments: ["gpt-4o"],
});
const put = (...clients: ClientOptions[]) =>
  store.change((change) => {
    for (const one of clients) change.put(one);
  });
const remove = (name: string) => store.change((change) => change.remove(name));

/** SQLite's side files belong to the file that they were made for. */
function putInPlace(other: string): void {
  for (const end of ["-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
  renameSync(other, file);
}

async function readAll(since?: RegistryVersion) {
  expect(await reader.changed()).toBe(true);
  const { rows, version, complete, removed } = reader.read(since);
  return { names: [...rows].map(({ name }) => name).toSorted(), version, complete, removed };
}

describe("a reader of a registry", () => {
  it("reads everything first", async () => {
    put(client("a", "a"), client("b", "b"));
    expect(await readAll()).toMatchObject({ names: ["a", "b"], complete: true, removed: [] });
    expect(await reader.changed()).toBe(false);
  });

  it("reads what was added, changed and removed since", async () => {
    put(client("a", "a"), client("b", "b"), client("c", "c"));
    const { version } = await readAll();
    put(client("d", "d"));
    put(client("b", "e"));
    remove("a");
    expect(await readAll(version)).toMatchObject({ names: ["b", "d"], complete: false, removed: ["a"] });
  });

  it("reads a client that came back as present", async () => {
    put(client("a", "a"));
    const { version } = await readAll();
    remove("a");
    put(client("a", "b"));
    expect(await readAll(version)).toMatchObject({ names: ["a"], removed: [] });
  });

  it("reads one state, whatever is written meanwhile", async () => {
    put(client("a", "a"), client("b", "b"));
    await reader.changed();
    const rows = reader.read().rows[Symbol.iterator]();
    expect(rows.next().value).toMatchObject({ name: "a" });
    remove("b");
    expect(rows.next().value).toMatchObject({ name: "b" });
    expect(rows.next().done).toBe(true);
    expect(await reader.changed()).toBe(true);
  });

  it("reads again what was not read to its end", async () => {
    put(client("a", "a"), client("b", "b"));
    await reader.changed();
    for (const _ of reader.read().rows) break;
    expect(await readAll()).toMatchObject({ names: ["a", "b"] });
  });

  it("reads everything where another file was put in the place", async () => {
    put(client("a", "a"));
    const { version } = await readAll();
    const other = join(folder, "other.sqlite");
    const otherStore = openRegistryStore(other, "write or create");
    otherStore.change((change) => change.put(client("z", "f")));
    otherStore.close();
    store.close();
    putInPlace(other);
    expect(await readAll(version)).toMatchObject({ names: ["z"], complete: true });
    store = openRegistryStore(file, "write");
  });

  it("reads everything where the file is older than what was read", async () => {
    put(client("a", "a"));
    store.close();
    copyFileSync(file, join(folder, "old.sqlite"));
    store = openRegistryStore(file, "write");
    put(client("b", "b"));
    const { version } = await readAll();
    store.close();
    reader.close();
    putInPlace(join(folder, "old.sqlite"));
    expect(await readAll(version)).toMatchObject({ names: ["a"], complete: true });
    store = openRegistryStore(file, "write");
  });

  it("throws where the file is gone", async () => {
    rmSync(file);
    await expect(reader.changed()).rejects.toThrow(/is not there/);
  });

  it.each([
    ["is no SQLite file", (path: string) => writeFileSync(path, "clients:\n  robot: {}\n".repeat(100))],
    ["is another application's", (path: string) => new DatabaseSync(path).exec("CREATE TABLE t (a)")],
  ])("throws where the file %s", async (_, write) => {
    const stranger = join(folder, "stranger.sqlite");
    write(stranger);
    await expect(sqliteRegistryReader(stranger).changed()).rejects.toThrow(/stranger\.sqlite/);
  });

  it("cannot write", () => {
    const database = new DatabaseSync(file, { readOnly: true });
    expect(() => database.exec("DELETE FROM clients")).toThrow(/readonly/);
    database.close();
  });
});

describe("a store of a registry", () => {
  it("gives back what was put, with thumbprints in their one spelling", () => {
    put({ ...client("a", "a"), thumbprints: ["AA:".repeat(31) + "AA"], roles: ["line"] });
    expect(store.find("a")).toEqual({
      name: "a",
      thumbprints: ["a".repeat(64)],
      deployments: ["gpt-4o"],
      roles: ["line"],
    });
  });

  it("changes nothing at all where a change fails", () => {
    put(client("a", "a"));
    expect(() => put(client("b", "b"), client("c", "a"))).toThrow(/stands on client a too/);
    expect([...store.clients("all")].map(({ name }) => name)).toEqual(["a"]);
    expect(store.ownerOf("b".repeat(64))).toBeUndefined();
  });

  it("frees the thumbprints of a client that is removed or gets others", () => {
    put(client("a", "a"), client("b", "b"));
    remove("a");
    put(client("b", "c"));
    expect(() => put(client("c", "a"), client("d", "b"))).not.toThrow();
  });

  it("knows the clients that have rules", () => {
    put(client("a", "a"), { name: "b", match: [{ sanDns: "b.example" }] });
    expect([...store.clients("with rules")].map(({ name }) => name)).toEqual(["b"]);
  });

  it("is not made where it should be there", () => {
    expect(() => openRegistryStore(join(folder, "none.sqlite"), "write")).toThrow(/does not exist/);
  });
});
