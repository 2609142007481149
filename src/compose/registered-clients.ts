import { clientGrants, clientThumbprints } from "../config/client-schema.ts";
import type { Config } from "../config/schema.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import type { GrantOptions } from "../model/client-options.ts";
import { createRightsCompiler, type RightsCompiler } from "../policy/client-entry.ts";
import type { Rights } from "../policy/permissions.ts";
import { type ClientIndex, ClientIndexBuilder, exceptClients } from "../policy/client-index.ts";
import type { RegistryReading, RegistryRow } from "../registry/ports.ts";
import { grantsFromRow, identityFromRow } from "../registry/stored-client.ts";

/** The registry's clients, ready for decisions. */
export interface RegisteredClients {
  /** Together they are the registry's clients, each in one of them. */
  readonly indexes: readonly ClientIndex[];
  /** Names of the configuration's own clients that the registry has too. */
  readonly contested: ReadonlySet<string>;
  /** One sentence each. Whatever is wrong with a client, it is denied and the others are not concerned. */
  readonly problems: readonly string[];
  readonly base: Layer;
  /** What changed since the base was read; undefined: removed. */
  readonly changes: ReadonlyMap<string, RegistryRow | undefined>;
}

interface Layer {
  readonly index: ClientIndex;
  readonly contested: ReadonlySet<string>;
  readonly problems: ReadonlyMap<string, string>;
}

/** Beyond so many changes a lookup in two layers is given up for a fresh reading. */
const mostChanges = 10_000;
/** Requests get their turn again after so many milliseconds of reading. */
const sliceMs = 8;
/** More are counted only. */
const mostProblems = 1000;

/**
 * Makes readings of a registry into clients. A complete reading makes a new base; a change of a few clients makes a
 * small layer over the base, so that adding one client to a million costs what one client costs.
 */
export function createRegisteredClients(
  config: Config,
): (
  reading: RegistryReading,
  last: RegisteredClients | undefined,
) => Promise<RegisteredClients | "read it all"> {
  const known = { deployments: Object.keys(config.deployments), roles: config.roles };
  return async (reading, last) => {
    // Made anew each time: it remembers every right that it ever compiled.
    const rows = createRowReader(config, createRightsCompiler(known));
    if (reading.complete || last === undefined) {
      const base = await rows.layer(reading.rows);
      return merge(base, new Map(), undefined);
    }
    const changes = new Map(last.changes);
    for (const row of reading.rows) changes.set(row.name, row);
    for (const name of reading.removed) changes.set(name, undefined);
    if (changes.size > mostChanges) return "read it all";
    const present = [...changes.values()].filter((row) => row !== undefined);
    return merge(last.base, changes, await rows.layer(present));
  };
}

function merge(
  base: Layer,
  changes: RegisteredClients["changes"],
  over: Layer | undefined,
): RegisteredClients {
  const names = new Set(changes.keys());
  const unchanged = <T>(entries: Iterable<readonly [string, T]>) =>
    [...entries].filter(([name]) => !names.has(name));
  return {
    base,
    changes,
    indexes: over === undefined ? [base.index] : [exceptClients(base.index, names), over.index],
    contested: new Set([...base.contested.difference(names), ...(over?.contested ?? [])]),
    problems: [...unchanged(base.problems), ...(over?.problems ?? [])].map(([, problem]) => problem),
  };
}

function createRowReader(config: Config, compiler: RightsCompiler) {
  const compiled = new Map<string, Rights>();
  /** Equal rights have equal texts, and a fleet has few. @throws for rights that `certgate client` would not write */
  const rightsOf = (row: RegistryRow): Rights => {
    let rights = compiled.get(row.grants);
    if (rights === undefined) {
      const grants = clientGrants.parse(grantsFromRow(row));
      checkNames(grants, config);
      rights = compiler.compile(grants);
      compiled.set(row.grants, rights);
    }
    return rights;
  };
  const identityOf = (row: RegistryRow) => {
    const identity = identityFromRow(row);
    if (!isListOfText(identity.thumbprints)) clientThumbprints.parse(identity.thumbprints);
    return identity;
  };
  return {
    async layer(rows: Iterable<RegistryRow>): Promise<Layer> {
      const builder = new ClientIndexBuilder({
        rights: compiler,
        allowSha1: config.identity.allowSha1Thumbprints,
      });
      const problems = new Map<string, string>();
      const contested = new Set<string>();
      const tell = (name: string, problem: string) => {
        if (problems.size < mostProblems) problems.set(name, problem);
      };
      let turnedAt = performance.now();
      let count = 0;
      for (const row of rows) {
        try {
          const others = builder.add(identityOf(row), rightsOf(row));
          if (others.length > 0)
            tell(row.name, `client ${row.name}: a thumbprint stands on another client too`);
        } catch (fault) {
          tell(row.name, `client ${row.name}: ${describeFault(fault)}`);
        }
        if (config.clients[row.name] !== undefined) {
          contested.add(row.name);
          tell(row.name, `client ${row.name} stands in the configuration too: neither is served`);
        }
        count += 1;
        if (count % 100 === 0 && performance.now() - turnedAt > sliceMs) {
          await new Promise(setImmediate);
          turnedAt = performance.now();
        }
      }
      return { index: builder.build(), contested, problems };
    },
  };
}

function checkNames({ deployments = [], routes = [] }: GrantOptions, config: Config): void {
  const missing =
    deployments.find((name) => name !== "*" && config.deployments[name] === undefined) ??
    routes.find((name) => config.routes[name] === undefined);
  if (missing !== undefined)
    throw new GatewayError("internal_error", `it names ${missing}, which the configuration does not define`);
}

const isListOfText = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === "string");
