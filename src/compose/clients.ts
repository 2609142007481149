import type { Config } from "../config/schema.ts";
import type { Clock } from "../kernel/clock.ts";
import { describeFault, GatewayError } from "../kernel/errors.ts";
import { type Logger, silentLogger } from "../kernel/logger.ts";
import type { RefreshingState } from "../kernel/refreshing.ts";
import { createRightsCompiler } from "../policy/client-entry.ts";
import { type ClientMap, clientMapOver, compileClientIndex } from "../policy/client-map.ts";
import { sqliteRegistryReader } from "../registry/adapters/sqlite-reader.ts";
import { KeptRegistry } from "../registry/kept-registry.ts";
import { createRegisteredClients, type RegisteredClients } from "./registered-clients.ts";

/** Who is known: the clients of the configuration, and those of the registry where there is one. */
export interface Clients {
  map(): ClientMap;
  /** Grows with every change. */
  version(): number;
  onChange(listener: () => void): void;
  /** Empty where there is no registry. */
  states(): readonly RefreshingState[];
  /** The first reading of the registry. @throws GatewayError with every problem that it has */
  start(): Promise<void>;
  stop(): void;
}

/** @throws GatewayError for clients of the configuration that its check would have refused */
export function composeClients(config: Config, clock: Clock, log: Logger): Clients {
  const rights = createRightsCompiler({ deployments: Object.keys(config.deployments), roles: config.roles });
  const own = compileClientIndex(
    Object.entries(config.clients).map(([name, client]) => ({ name, ...client })),
    { allowSha1: config.identity.allowSha1Thumbprints, rights },
  );
  const ownMap = clientMapOver([own]);
  const kept = config.registry === undefined ? undefined : keepRegistry(config, config.registry, clock, log);
  let made: { readonly of: RegisteredClients; readonly map: ClientMap } | undefined;
  return {
    map() {
      const registered = kept?.current();
      if (registered === undefined) return ownMap;
      if (made?.of !== registered)
        made = { of: registered, map: clientMapOver([own, ...registered.indexes], registered.contested) };
      return made.map;
    },
    version: () => kept?.version() ?? 0,
    onChange: (listener) => kept?.onChange(listener),
    states: () => (kept === undefined ? [] : [kept.state()]),
    async start() {
      await kept?.start();
      const problems = kept?.current()?.problems ?? [];
      if (problems.length > 0)
        throw new GatewayError("internal_error", `the registry has ${summaryOf(problems)}`);
    },
    stop: () => kept?.stop(),
  };
}

/** Everything that is wrong with the registry of a configuration, in one sentence; undefined where nothing is. */
export async function registryProblem(config: Config, clock: Clock): Promise<string | undefined> {
  const clients = composeClients(config, clock, silentLogger);
  try {
    await clients.start();
    return undefined;
  } catch (fault) {
    return describeFault(fault);
  } finally {
    clients.stop();
  }
}

function keepRegistry(
  config: Config,
  { file, pollSeconds }: NonNullable<Config["registry"]>,
  clock: Clock,
  log: Logger,
): KeptRegistry<RegisteredClients> {
  const load = createRegisteredClients(config);
  const reader = sqliteRegistryReader(file);
  return new KeptRegistry<RegisteredClients>({
    reader,
    clock,
    log,
    pollMs: pollSeconds * 1000,
    async load(reading, last) {
      const outcome = await load(reading, last);
      const registered = outcome === "read it all" ? await load(reader.read(), undefined) : outcome;
      if (registered === "read it all")
        throw new GatewayError("internal_error", `${reader.name}: no complete reading`);
      if (last !== undefined && registered.problems.length > 0)
        log.error({ registry: reader.name }, `the registry has ${summaryOf(registered.problems)}`);
      return registered;
    },
  });
}

const summaryOf = (problems: readonly string[]): string =>
  `${problems.length} problem${problems.length === 1 ? "" : "s"}: ${problems.slice(0, 20).join("; ")}`;
