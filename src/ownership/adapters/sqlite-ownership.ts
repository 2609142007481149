import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Clock } from "../../kernel/clock.ts";
import { GatewayError } from "../../kernel/errors.ts";
import type { Claim, OwnershipStore, StoredObject } from "../ownership-store.ts";

export interface SqliteOwnershipOptions {
  /** Path of the database, made when it is missing; `:memory:` for one that ends with the process. */
  readonly file: string;
  readonly clock: Clock;
  /** How long to wait for another process that writes; the whole process waits. Default 1000. */
  readonly busyTimeoutMs?: number;
}

const schema = `
  CREATE TABLE IF NOT EXISTS ownership (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    backend TEXT NOT NULL,
    owner TEXT NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (kind, id, backend)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS ownership_expiry ON ownership (expires_at) WHERE expires_at IS NOT NULL;
`;

/** Takes a free or expired place, or extends one's own; another's stays as it is. */
const claimSql = `
  INSERT INTO ownership (kind, id, backend, owner, expires_at) VALUES (:kind, :id, :backend, :owner, :expiresAt)
  ON CONFLICT DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
  WHERE expires_at <= :now
     OR (owner = excluded.owner AND expires_at < coalesce(excluded.expires_at, ${Number.MAX_SAFE_INTEGER}))
`;
const ownerSql = `
  SELECT owner FROM ownership
  WHERE kind = :kind AND id = :id AND backend = :backend AND (expires_at IS NULL OR expires_at > :now)
`;
const forgetSql = "DELETE FROM ownership WHERE kind = :kind AND id = :id AND backend = :backend";
/** For how long an entry is kept after its end: a clock that is set forward by mistake, and back, must not cost anybody an object. */
const keptAfterEndMs = 30 * 86_400_000;
/** A few with each claim, so that no claim ever waits for a great clean-up. */
const sweepSql = `
  DELETE FROM ownership WHERE (kind, id, backend) IN
    (SELECT kind, id, backend FROM ownership WHERE expires_at <= :now LIMIT 20)
`;

/**
 * Ownership in one SQLite file, which several processes on one machine may share (WAL). After a power cut the last
 * claims may be missing; their objects are then nobody's.
 * @throws GatewayError `ownership_unavailable` when the file cannot be opened
 */
export function createSqliteOwnership(options: SqliteOwnershipOptions): OwnershipStore {
  const { file, clock, busyTimeoutMs = 1000 } = options;
  const { database, statements } = guarded(`${file} cannot be opened`, () => open(file, busyTimeoutMs));
  const { claim, owner: ownerOf, forget, sweep } = statements;
  const keyOf = ({ kind, id, backend }: StoredObject) => ({ kind, id, backend });
  const ownerAt = (object: StoredObject, now: number): string | undefined => {
    const row = ownerOf.get({ ...keyOf(object), now });
    return typeof row?.["owner"] === "string" ? row["owner"] : undefined;
  };

  return {
    claim: (claims, owner) =>
      asPromised(() => {
        const now = clock.now();
        inTransaction(database, () => {
          sweep.run({ now: now - keptAfterEndMs });
          for (const { object, expiresAt } of claims) {
            claim.run({ ...keyOf(object), owner, expiresAt: asColumn(expiresAt), now });
            const standing = ownerAt(object, Number.NEGATIVE_INFINITY);
            if (standing !== owner) throw conflict(object);
          }
        });
      }),
    ownersOf: (objects) =>
      asPromised(() => {
        const now = clock.now();
        return objects.map((object) => ownerAt(object, now));
      }),
    forget: (objects) =>
      asPromised(() => {
        for (const object of objects) forget.run(keyOf(object));
      }),
    close: () =>
      asPromised(() => {
        if (database.isOpen) database.close();
      }),
  };
}

interface Opened {
  readonly database: DatabaseSync;
  readonly statements: Readonly<Record<"claim" | "owner" | "forget" | "sweep", StatementSync>>;
}

function open(file: string, busyTimeoutMs: number): Opened {
  if (file !== ":memory:") {
    // Before SQLite makes it, with what the umask leaves; the files beside it get the mode of this one.
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
  }
  const database = new DatabaseSync(file, { timeout: busyTimeoutMs });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    database.exec(schema);
    const statements = {
      claim: database.prepare(claimSql),
      owner: database.prepare(ownerSql),
      forget: database.prepare(forgetSql),
      sweep: database.prepare(sweepSql),
    };
    return { database, statements };
  } catch (fault) {
    database.close();
    throw fault;
  }
}

function inTransaction(database: DatabaseSync, work: () => void): void {
  // IMMEDIATE: a writer waits here for another one, and not in the middle, where SQLite would not let it wait.
  database.exec("BEGIN IMMEDIATE");
  try {
    work();
    database.exec("COMMIT");
  } catch (fault) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw fault;
  }
}

const asColumn = (expiresAt: Claim["expiresAt"]): number | null =>
  expiresAt === "never" ? null : Math.floor(expiresAt);

const conflict = ({ kind, id, backend }: StoredObject) =>
  new GatewayError("ownership_conflict", `${kind} ${id} of backend ${backend} belongs to another client`);

function guarded<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw new GatewayError("ownership_unavailable", `ownership store: ${what}`, { cause });
  }
}

/** SQLite answers at once; the port promises, because another store may have to be waited for. */
const asPromised = async <T>(work: () => T): Promise<T> => guarded("SQLite failed", work);
