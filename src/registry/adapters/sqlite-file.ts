import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { GatewayError } from "../../kernel/errors.ts";

/** "CgRg": tells a registry from any other SQLite file. */
const applicationId = 0x43_67_52_67;
const schemaVersion = 1;

const schema = `
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${schemaVersion};
CREATE TABLE meta (id TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;
CREATE TABLE clients (
  name TEXT PRIMARY KEY,
  thumbprints TEXT NOT NULL,
  rules TEXT,
  grants TEXT NOT NULL,
  revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX clients_by_revision ON clients (revision);
CREATE INDEX clients_with_rules ON clients (name) WHERE rules IS NOT NULL;
CREATE TABLE removed (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE thumbprints (hex TEXT PRIMARY KEY, client TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX thumbprints_of_client ON thumbprints (client);
`;

/** Opens a registry. @throws GatewayError `internal_error` where it is missing, damaged or something else */
export function openRegistryFile(file: string, mode: "read" | "write" | "write or create"): DatabaseSync {
  const known = existsSync(file);
  if (!known && mode !== "write or create") throw broken(file, "does not exist");
  try {
    // Readers never wait in this journal mode; writers wait for each other.
    const database = new DatabaseSync(file, {
      readOnly: mode === "read",
      timeout: mode === "read" ? 250 : 5000,
    });
    try {
      if (!known) create(database);
      const { application_id: id } = database.prepare("PRAGMA application_id").get() ?? {};
      const { user_version: version } = database.prepare("PRAGMA user_version").get() ?? {};
      if (id !== applicationId) throw broken(file, "is no registry of clients");
      if (version !== schemaVersion) throw broken(file, "was made by another version of certgate");
      return database;
    } catch (fault) {
      database.close();
      throw fault;
    }
  } catch (cause) {
    throw cause instanceof GatewayError ? cause : broken(file, "cannot be opened", cause);
  }
}

function create(database: DatabaseSync): void {
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(`BEGIN IMMEDIATE; ${schema}`);
  database.prepare("INSERT INTO meta VALUES (?, 0)").run(randomUUID());
  database.exec("COMMIT");
}

/** Every fault of SQLite, as one that names the file. */
export function guarded<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (fault) {
    throw isOfSqlite(fault) ? broken(file, "does not answer", fault) : fault;
  }
}

const isOfSqlite = (fault: unknown): boolean =>
  fault instanceof Error && "code" in fault && fault.code === "ERR_SQLITE_ERROR";

const broken = (file: string, what: string, cause?: unknown): GatewayError =>
  new GatewayError("internal_error", `registry ${file} ${what}`, { cause });
