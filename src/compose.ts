import type { ReadinessItem } from "./admin/readiness.ts";
import type { AdminServer } from "./admin/server.ts";
import { composeClients } from "./compose/clients.ts";
import { composeDecision, composeTrust } from "./compose/decision.ts";
import { KeptParts } from "./compose/kept-parts.ts";
import { LiveConfiguration } from "./compose/live-configuration.ts";
import { reloadDoor } from "./compose/reload-door.ts";
import { createReloader, type ReloadOutcome, type ReloadSource } from "./compose/reload.ts";
import { composeSources } from "./compose/sources.ts";
import { version } from "./compose/version.ts";
import type { WorkerSeat } from "./compose/worker-seat.ts";
import type { Config } from "./config/schema.ts";
import { watchFiles } from "./config/watch-files.ts";
import type { ExplainFacts } from "./gateway/explain.ts";
import { ByteBudget } from "./kernel/byte-budget.ts";
import { watchClock } from "./kernel/clock-watch.ts";
import type { Clock } from "./kernel/clock.ts";
import type { RefreshingState } from "./kernel/refreshing.ts";
import { YoungBuffers } from "./kernel/young-buffers.ts";
import { LiveExchanges } from "./listener/live-exchanges.ts";
import { type Listener, startListener } from "./listener/listener.ts";
import { provePresentedChainIsVisible } from "./listener/runtime-check.ts";
import { silentLogger } from "./kernel/logger.ts";
import { silentMetrics } from "./model/metrics.ts";
import { batched } from "./kernel/batched.ts";
import { createLogger, type ProcessLog } from "./telemetry/logger.ts";
import { createMetrics, type ProcessMetrics } from "./telemetry/metrics.ts";
import { createRequestLog } from "./telemetry/request-log.ts";

/** A running gateway. */
export interface Certgate {
  /** The port of the mTLS listener. */
  readonly port: number;
  /** 0 in a worker, which has none. */
  readonly adminPort: number;
  /** For whoever has the admin port. */
  readonly metrics: ProcessMetrics;
  readiness(): readonly ReadinessItem[];
  /** Reads the configuration again. Never throws: what is wrong is the outcome, and then nothing has changed. */
  reload(): Promise<ReloadOutcome>;
  /** Stops accepting, gives exchanges under way `graceMs` to end, and lets everything go. */
  stop(graceMs: number): Promise<void>;
}

export interface CertgateOptions {
  readonly clock: Clock;
  readonly log?: ProcessLog;
  readonly seat?: WorkerSeat;
  /** Where the configuration is read again from. Absent: it stays as it is. */
  readonly reload?: ReloadSource;
}

/**
 * Starts everything that a checked configuration names. A source that does not answer does not prevent the start:
 * what depends on it is refused with its reason, and `/readyz` says so. Only the gateway's own certificate must be
 * there, because nothing could be answered without it.
 * @throws GatewayError with a sentence for the operator
 */
export async function startCertgate(config: Config, options: CertgateOptions): Promise<Certgate> {
  const log = options.log ?? createLogger({ level: config.log.level });
  const started = new AsyncDisposableStack();
  try {
    return await start(config, { ...options, log }, started);
  } catch (fault) {
    // Half a gateway must neither serve nor keep the process alive.
    await started.disposeAsync();
    throw fault;
  }
}

async function start(
  config: Config,
  { clock, log, seat, reload }: CertgateOptions & { readonly log: ProcessLog },
  started: AsyncDisposableStack,
): Promise<Certgate> {
  const who = seat === undefined ? "certgate" : "the worker";
  const live = new LiveExchanges(clock);
  const limits = () => configuration.current.config.limits;
  const bodies: ByteBudget = new ByteBudget(
    () => ({ total: limits().bufferedBytes, perOwner: limits().bufferedBytesPerClient }),
    (why) => metrics.shed(why === "full" ? "buffered_bytes" : "buffered_bytes_per_client"),
  );
  const metrics = createMetrics({
    version,
    clock,
    freshness: () => configuration.current.states(),
    upstreams: () => configuration.current.upstreams(),
    bufferedBytes: () => bodies.held,
  });
  const parts = new KeptParts();
  let listener: Listener | undefined = undefined;
  const replaceTls = () => {
    listener?.replaceTls(configuration.current.tlsMaterial());
    listener?.followLimits();
  };
  const factsChanged = () => void live.judge();
  const configuration: LiveConfiguration = await LiveConfiguration.begin(config, {
    clock,
    log,
    metrics,
    bodies,
    parts,
    factsChanged,
    origins: seat?.origins,
    tlsChanged() {
      replaceTls();
      factsChanged();
    },
  });
  started.defer(() => configuration.close());
  started.defer(
    watchClock(clock, (byMs) =>
      log.warn(
        { byMs },
        "the machine's clock was set, or the machine slept: what has ended by it, has ended",
      ),
    ),
  );

  const young = new YoungBuffers(() => bodies.held);
  young.start();
  started.defer(() => young.stop());

  // Up before anything is waited for and until everything else is down, so that it can say what is going on.
  let phase: "starting" | "accepting" | "shutting down" = "starting";
  const readiness = (): ReadinessItem[] => [
    { name: "listener", ok: phase === "accepting", detail: phase },
    configuration.readiness(),
    ...configuration.current.readiness(),
  ];
  const reloader = createReloader(reload?.load, configuration, {
    log,
    metrics,
    afterwards: replaceTls,
    live,
  });
  let admin: AdminServer | undefined;
  if (seat === undefined) {
    // With Express, 4 MB that a worker need not hold: its supervisor has the port.
    const { startAdminPort } = await import("./compose/admin-port.ts");
    admin = await startAdminPort(
      { ...config.admin, reusePort: config.listen.reusePort },
      {
        readiness,
        metrics,
        log,
        backends: () => configuration.current.upstreams(),
        ...reloadDoor(config.admin.tokenFile, () => reloader()),
      },
    );
  }
  started.defer(() => admin?.stop());

  await configuration.current.start();
  await provePresentedChainIsVisible(configuration.current.tlsMaterial());

  const requestLog = batched(createRequestLog(log));
  listener = await startListener({
    host: config.listen.host,
    port: seat?.port ?? config.listen.port,
    reusePort: seat !== undefined || config.listen.reusePort,
    tls: configuration.current.tlsMaterial(),
    callers: configuration.callers,
    limits,
    metrics,
    log,
    exchanges: {
      clock,
      enter: () => configuration.enter(),
      live,
      draining: () => phase === "shutting down",
      record(exchange) {
        metrics.observe(exchange);
        requestLog(exchange);
      },
    },
  });
  const { port } = listener;
  let graceMs = 0;
  started.defer(() => listener?.close(graceMs));
  seat?.onNews(() => configuration.current.follow());
  // What changed while the port was being opened.
  replaceTls();

  if (reload !== undefined) started.defer(watchFiles({ clock, ...reload, onChange: () => void reloader() }));

  phase = "accepting";
  log.info({ port, adminPort: admin?.port, version }, `${who} is listening`);

  return {
    port,
    adminPort: admin?.port ?? 0,
    metrics,
    readiness,
    reload: reloader,
    async stop(grace) {
      phase = "shutting down";
      graceMs = grace;
      log.info({ graceMs }, `${who} is stopping`);
      await admin?.yieldToSuccessor();
      await started.disposeAsync();
      requestLog.pass();
      log.info({}, `${who} has stopped`);
      await log.flush();
    },
  };
}

/** What `certgate explain` needs: trust and clients loaded once, nothing served, nothing sent to a backend. */
export async function loadDecision(
  config: Config,
  clock: Clock,
): Promise<{
  readonly explainFacts: ExplainFacts;
  readonly problems: readonly RefreshingState[];
  stop(): void;
}> {
  const sources = await composeSources(config, clock);
  const needs = { clock, log: silentLogger, metrics: silentMetrics };
  const trust = composeTrust(config, sources, needs);
  const clients = composeClients(config, clock, silentLogger);
  const { explainFacts } = composeDecision(config, trust, clients, clock);
  await Promise.all([trust.store.start(), clients.start()]);
  return {
    explainFacts,
    problems: trust.store
      .states()
      .filter(({ freshness }) => freshness === "empty" || freshness === "expired"),
    stop() {
      trust.stop();
      clients.stop();
    },
  };
}
