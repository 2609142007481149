import type { Config } from "../config/schema.ts";
import { watchFiles } from "../config/watch-files.ts";
import type { Clock } from "../kernel/clock.ts";
import { forkWorker } from "../supervisor/fork-worker.ts";
import { choosePort } from "../supervisor/port.ts";
import { SharedFetches } from "../supervisor/shared-fetches.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { createFleetMetrics } from "../telemetry/fleet-metrics.ts";
import { createLogger, type ProcessLog } from "../telemetry/logger.ts";
import { createCrlReader } from "../trust/crl-reader.ts";
import { startAdminPort } from "./admin-port.ts";
import { FleetConfiguration } from "./fleet-configuration.ts";
import { type FleetPhase, fleetReadiness, fleetSnapshots, fleetState } from "./fleet.ts";
import { composeOrigins, type OriginsConfig } from "./origins.ts";
import { reloadDoor } from "./reload-door.ts";
import type { ReloadOutcome, ReloadSource } from "./reload.ts";
import { SharedOrigins } from "./shared-origins.ts";
import { version } from "./version.ts";
import type { FromWorker } from "./worker-origins.ts";
import type { WorkerStart } from "./worker.ts";

export interface FleetOptions {
  readonly workers: number;
  readonly clock: Clock;
  readonly log?: ProcessLog;
  /** Where the configuration is read again from. Absent: it stays as it is. */
  readonly reload?: ReloadSource;
  /** The program of one worker. */
  readonly program: URL;
}

/** Several processes that serve one configuration, and the one that leads them. */
export interface Fleet {
  readonly port: number;
  readonly adminPort: number;
  /** Never resolves. @throws GatewayError when no worker serves and none comes to serve any more */
  readonly gaveUp: Promise<never>;
  /** As of a single process: by all workers or by none. */
  reload(): Promise<ReloadOutcome>;
  /** As of a single process: all drain at the same time. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Starts the workers, and everything that they have in common: the port, the admin port, and what comes from
 * other services. Resolves when all of them serve.
 * @param ending called with the way to end all of it at once, as soon as there is anything to end
 * @throws GatewayError with a sentence for the operator
 */
export async function startFleet(
  config: Config,
  options: FleetOptions,
  ending: (kill: () => void) => void,
): Promise<Fleet> {
  const log = options.log ?? createLogger({ level: config.log.level });
  const started = new AsyncDisposableStack();
  try {
    return await start(config, options, log, started, ending);
  } catch (fault) {
    await started.disposeAsync();
    await log.flush();
    throw fault;
  }
}

async function start(
  config: Config,
  { workers, clock, program, reload }: FleetOptions,
  log: ProcessLog,
  started: AsyncDisposableStack,
  ending: (kill: () => void) => void,
): Promise<Fleet> {
  const { host, port: wanted, reusePort } = config.listen;
  const shared = await choosePort({ host, port: wanted, shared: reusePort });
  started.defer(() => shared.release());

  const crlReader = createCrlReader({ clock });
  started.defer(() => crlReader.stop());
  const configuration = await FleetConfiguration.begin(config, {
    clock,
    log,
    load: reload?.load,
    workers: () => supervisor.running,
    onRefused: () => metrics.reloadRefused(),
    origins: async (of) =>
      new SharedOrigins(
        await composeOrigins(of, clock, crlReader),
        // Of its own: what the same name stood for before must not answer.
        new SharedFetches({ clock, keepMs: keepMs(of) }),
        () => supervisor.tell("news"),
      ),
  });
  const supervisor = new Supervisor({
    workers,
    clock,
    logger: log,
    onGone: (_index, worker) => metrics.gone(worker),
    spawn: (index) =>
      forkWorker({
        program,
        start: { index, config: configuration.current, port: shared.port } satisfies WorkerStart,
        offers: { calls: { fetch: (input) => configuration.answer(input as FromWorker) } },
      }),
  });
  const metrics = createFleetMetrics(() => fleetState(supervisor));

  let phase: FleetPhase = "starting";
  const admin = await startAdminPort(
    { ...config.admin, reusePort },
    {
      readiness: async () => [
        ...configuration.readiness(),
        ...(await fleetReadiness(supervisor, phase, clock)),
      ],
      metrics: {
        contentType: metrics.contentType,
        render: async () => metrics.render(await fleetSnapshots(supervisor)),
      },
      log,
      ...reloadDoor(config.admin.tokenFile, () => configuration.reload()),
    },
  );
  started.defer(() => admin.stop());

  let graceMs = 0;
  started.defer(() => supervisor.stop(graceMs));
  ending(() => supervisor.kill());
  await supervisor.start();
  shared.release();
  if (reload !== undefined)
    started.defer(watchFiles({ clock, ...reload, onChange: () => void configuration.reload() }));
  phase = "accepting";
  log.info(
    { port: shared.port, adminPort: admin.port, workers, pid: process.pid, version },
    "certgate is listening",
  );

  return {
    port: shared.port,
    adminPort: admin.port,
    gaveUp: supervisor.gaveUp,
    reload: () => configuration.reload(),
    async stop(grace) {
      phase = "shutting down";
      graceMs = grace;
      log.info({ graceMs }, "certgate is stopping");
      await admin.yieldToSuccessor();
      await started.disposeAsync();
      log.info({}, "certgate has stopped");
      await log.flush();
    },
  };
}

/** Workers that heard of one another's news look within a second; and no look may meet the answer of the one before. */
function keepMs({ trust }: OriginsConfig): number {
  const shortest = Math.min(trust.refreshSeconds, trust.revocation.refreshSeconds) * 1000;
  return Math.min(10_000, shortest / 2);
}
