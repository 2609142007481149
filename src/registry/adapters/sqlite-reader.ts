import { stat } from "node:fs/promises";
import type { DatabaseSync } from "node:sqlite";
import { GatewayError } from "../../kernel/errors.ts";
import type { RegistryReader, RegistryReading, RegistryRow, RegistryVersion } from "../ports.ts";
import { guarded, openRegistryFile } from "./sqlite-file.ts";

/** Reads a registry file, and notices when it was written to or replaced. */
export function sqliteRegistryReader(file: string): RegistryReader {
  let open: { readonly database: DatabaseSync; readonly inode: string } | undefined;
  let seen: unknown;
  const close = () => {
    open?.database.close();
    open = undefined;
  };
  const dataVersion = (database: DatabaseSync) =>
    database.prepare("PRAGMA data_version").get()?.["data_version"];
  return {
    name: `registry ${file}`,
    async changed() {
      const inode = await inodeOf(file);
      // A file that was put in the place of another: the old one would never change again.
      if (open?.inode !== inode) {
        close();
        open = { database: openRegistryFile(file, "read"), inode };
        return true;
      }
      const { database } = open;
      return guarded(file, () => dataVersion(database)) !== seen;
    },
    read(since) {
      if (open === undefined) throw new GatewayError("internal_error", `registry ${file} is not open`);
      const { database } = open;
      return guarded(file, () => {
        // A reading that nobody walked through.
        if (database.isTransaction) database.exec("ROLLBACK");
        const version = dataVersion(database);
        return readFrom(database, file, since, () => {
          seen = version;
        });
      });
    },
    close,
  };
}

function readFrom(
  database: DatabaseSync,
  file: string,
  since: RegistryVersion | undefined,
  read: () => void,
): RegistryReading {
  // One read transaction: what is written meanwhile is for the next reading.
  database.exec("BEGIN");
  try {
    const version = database.prepare("SELECT id, revision FROM meta").get() as unknown as RegistryVersion;
    const complete = since?.id !== version.id || since.revision > version.revision;
    const from = complete ? -1 : since.revision;
    const removed = complete
      ? []
      : database
          .prepare("SELECT name FROM removed WHERE revision > ?")
          .all(from)
          .map((row) => String(row["name"]));
    return { version: { ...version }, complete, removed, rows: rowsOf(database, file, from, read) };
  } catch (fault) {
    database.exec("ROLLBACK");
    throw fault;
  }
}

function* rowsOf(
  database: DatabaseSync,
  file: string,
  from: number,
  read: () => void,
): Generator<RegistryRow> {
  try {
    const rows = database
      .prepare("SELECT name, thumbprints, rules, grants FROM clients WHERE revision > ?")
      .iterate(from);
    for (;;) {
      const next = guarded(file, () => rows.next());
      if (next.done === true) break;
      yield next.value as unknown as RegistryRow;
    }
    read();
  } finally {
    if (database.isOpen && database.isTransaction) database.exec("ROLLBACK");
  }
}

async function inodeOf(file: string): Promise<string> {
  try {
    const { dev, ino } = await stat(file, { bigint: true });
    return `${dev} ${ino}`;
  } catch (cause) {
    throw new GatewayError("internal_error", `registry ${file} is not there`, { cause });
  }
}
