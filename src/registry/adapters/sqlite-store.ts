import type { DatabaseSync } from "node:sqlite";
import { GatewayError } from "../../kernel/errors.ts";
import type { ClientOptions } from "../../model/client-options.ts";
import type { RegistryChange, RegistryRow, RegistryStore } from "../ports.ts";
import { fromRow, thumbprintsOf, toRow } from "../stored-client.ts";
import { guarded, openRegistryFile } from "./sqlite-file.ts";

/** A registry file for writing. @throws GatewayError */
export function sqliteRegistryStore(file: string, mode: "write" | "write or create"): RegistryStore {
  const database = openRegistryFile(file, mode);
  const find = database.prepare("SELECT name, thumbprints, rules, grants FROM clients WHERE name = ?");
  const owner = database.prepare("SELECT client FROM thumbprints WHERE hex = ?");
  const ownerOf = (hex: string) => owner.get(hex)?.["client"] as string | undefined;
  return {
    find: (name) =>
      guarded(file, () => {
        const row = find.get(name) as unknown as RegistryRow | undefined;
        return row === undefined ? undefined : fromRow(row);
      }),
    *clients(filter) {
      const rows = database
        .prepare(
          `SELECT name, thumbprints, rules, grants FROM clients ${filter === "all" ? "" : "WHERE rules IS NOT NULL"} ORDER BY name`,
        )
        .iterate();
      for (const row of rows) yield fromRow(row as unknown as RegistryRow);
    },
    ownerOf: (hex) => guarded(file, () => ownerOf(hex)),
    change: (run) =>
      guarded(file, () => {
        // Immediate: what is read for the change must not change before it is written.
        database.exec("BEGIN IMMEDIATE");
        try {
          const result = run(changeOf(database, ownerOf));
          database.exec("COMMIT");
          return result;
        } catch (fault) {
          if (database.isTransaction) database.exec("ROLLBACK");
          throw fault;
        }
      }),
    close: () => database.close(),
  };
}

function changeOf(database: DatabaseSync, ownerOf: (hex: string) => string | undefined): RegistryChange {
  const revision = Number(
    database.prepare("UPDATE meta SET revision = revision + 1 RETURNING revision").get()?.["revision"],
  );
  const put = database.prepare(
    "INSERT OR REPLACE INTO clients (name, thumbprints, rules, grants, revision) VALUES (?, ?, ?, ?, ?)",
  );
  const own = database.prepare("INSERT OR REPLACE INTO thumbprints (hex, client) VALUES (?, ?)");
  const disown = database.prepare("DELETE FROM thumbprints WHERE client = ?");
  const remove = database.prepare("DELETE FROM clients WHERE name = ?");
  const remember = database.prepare("INSERT OR REPLACE INTO removed (name, revision) VALUES (?, ?)");
  const forget = database.prepare("DELETE FROM removed WHERE name = ?");
  return {
    put(client: ClientOptions) {
      const { name, thumbprints, rules, grants } = toRow(client);
      disown.run(name);
      for (const hex of thumbprintsOf(client)) {
        const other = ownerOf(hex);
        if (other !== undefined && other !== name)
          throw new GatewayError(
            "internal_error",
            `registry: thumbprint ${hex} stands on client ${other} too`,
          );
        own.run(hex, name);
      }
      put.run(name, thumbprints, rules, grants, revision);
      forget.run(name);
    },
    remove(name) {
      if (remove.run(name).changes === 0) return false;
      disown.run(name);
      remember.run(name, revision);
      return true;
    },
  };
}
