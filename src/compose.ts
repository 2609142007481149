import { createAdminApp } from "./admin/app.ts";
import { readinessOf, type ReadinessItem } from "./admin/readiness.ts";
import { startAdminServer } from "./admin/server.ts";
import { composeBackends } from "./compose/backends.ts";
import { composeOutbound } from "./compose/credentials.ts";
import { composeDecision } from "./compose/decision.ts";
import { composeOwnership } from "./compose/ownership.ts";
import { readinessOfCrls, readinessOfAnchors } from "./compose/readiness.ts";
import { asksAtNeed, revocationRules } from "./compose/revocation.ts";
import { composeSources, readCa } from "./compose/sources.ts";
import { version } from "./compose/version.ts";
import type { WorkerSeat } from "./compose/worker-seat.ts";
import { isTokenCredential } from "./config/credential-schema.ts";
import type { Config } from "./config/schema.ts";
import type { ExplainFacts } from "./gateway/explain.ts";
import type { Clock } from "./kernel/clock.ts";
import { GatewayError } from "./kernel/errors.ts";
import type { RefreshingState } from "./kernel/refreshing.ts";
import { LiveExchanges } from "./listener/live-exchanges.ts";
import { startListener } from "./listener/listener.ts";
import { provePresentedChainIsVisible } from "./listener/runtime-check.ts";
import type { TlsMaterial } from "./listener/tls-context.ts";
import { silentLogger } from "./kernel/logger.ts";
import { silentMetrics } from "./model/metrics.ts";
import { createLogger, type ProcessLog } from "./telemetry/logger.ts";
import { createMetrics, type ProcessMetrics } from "./telemetry/metrics.ts";
import { createRequestLog } from "./telemetry/request-log.ts";
import { createServerCertificateKeeper } from "./trust/server-certificate-keeper.ts";

/** A running gateway. */
export interface Certgate {
  /** The port of the mTLS listener. */
  readonly port: number;
  /** 0 in a worker, which has none. */
  readonly adminPort: number;
  /** For whoever has the admin port. */
  readonly metrics: ProcessMetrics;
  readiness(): readonly ReadinessItem[];
  /** Stops accepting, gives exchanges under way `graceMs` to end, and lets everything go. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Starts everything that a checked configuration names. A source that does not answer does not prevent the start:
 * what depends on it is refused with its reason, and `/readyz` says so. Only the gateway's own certificate must be
 * there, because nothing could be answered without it.
 * @throws GatewayError with a sentence for the operator
 */
export async function startCertgate(
  config: Config,
  options: { readonly clock: Clock; readonly log?: ProcessLog; readonly seat?: WorkerSeat },
): Promise<Certgate> {
  const log = options.log ?? createLogger({ level: config.log.level });
  const started = new AsyncDisposableStack();
  try {
    return await start(config, options.clock, log, started, options.seat);
  } catch (fault) {
    // Half a gateway must neither serve nor keep the process alive.
    await started.disposeAsync();
    throw fault;
  }
}

async function start(
  config: Config,
  clock: Clock,
  log: ProcessLog,
  started: AsyncDisposableStack,
  seat: WorkerSeat | undefined,
): Promise<Certgate> {
  const who = seat === undefined ? "certgate" : "the worker";
  const states = (): RefreshingState[] => [...store.states(), ...ownStates()];
  const ownStates = (): RefreshingState[] => [
    serverCertificate.state(),
    ...clients.states(),
    ...[...credentials.values()].map((credential) => credential.state()),
  ];
  const metrics = createMetrics({ version, clock, freshness: states });

  const sources = await composeSources(config, clock, seat?.origins);
  const { store, clients, callers, ocsp, surface } = composeDecision(config, sources, {
    clock,
    log,
    metrics,
  });
  const serverCertificate = createServerCertificateKeeper({
    clock,
    logger: log,
    source: sources.serverCertificate(config.listen.certificate),
    refreshMs: config.trust.refreshSeconds * 1000,
  });
  const credentials = composeOutbound(config, { ...sources, clock, log, readCa });
  const backends = await composeBackends(config, credentials, clock);
  started.defer(() => backends.close());
  const ownership = await composeOwnership(config, clock, log);
  started.defer(() => ownership.store.close());
  started.defer(() => {
    for (const kept of [store, serverCertificate, clients, ...credentials.values()]) kept.stop();
    ocsp?.stop();
  });

  const { revocation } = config.trust;
  // Up before anything is waited for and until everything else is down, so that it can say what is going on.
  let phase: "starting" | "accepting" | "shutting down" = "starting";
  const readiness = (): ReadinessItem[] => [
    { name: "listener", ok: phase === "accepting", detail: phase },
    readinessOfAnchors(store.current()),
    ...readinessOfCrls(store, { ...revocationRules(revocation), asksAtNeed: asksAtNeed(revocation) }, clock),
    ...[...store.certificateStates(), ...ownStates()].map((state) => readinessOf(state, clock)),
  ];
  const admin =
    seat === undefined
      ? await startAdminServer({ ...config.admin, app: createAdminApp({ readiness, metrics, log }) })
      : undefined;
  started.defer(() => admin?.stop());

  for (const credential of credentials.values()) credential.start();
  await Promise.all([store.start(), serverCertificate.start(), clients.start()]);

  const tlsMaterial = (): TlsMaterial => {
    const own = serverCertificate.current();
    if (own === undefined) {
      const { lastError } = serverCertificate.state();
      throw new GatewayError("trust_unavailable", "the gateway's own TLS certificate could not be loaded", {
        cause: lastError,
      });
    }
    const { anchors, intermediates } = store.current();
    return {
      ...own,
      clientCas: [...anchors, ...intermediates].map(({ der }) => der),
    };
  };
  await provePresentedChainIsVisible(tlsMaterial());

  const requestLog = createRequestLog(log);
  const live = new LiveExchanges(clock);
  const listener = await startListener({
    host: config.listen.host,
    port: seat?.port ?? config.listen.port,
    reusePort: seat !== undefined || config.listen.reusePort,
    tls: tlsMaterial(),
    callers,
    metrics,
    exchanges: {
      gateway: {
        ...backends,
        surface,
        ownership,
        clock,
        metrics,
        jsonBodyLimit: config.limits.jsonBodyBytes,
        formLimits: { heldBytes: config.limits.formHeldBytes, bodyBytes: config.limits.formBodyBytes },
      },
      live,
      draining: () => phase === "shutting down",
      record(exchange) {
        metrics.observe(exchange);
        requestLog(exchange);
      },
    },
  });
  let graceMs = 0;
  started.defer(() => listener.close(graceMs));
  const replaceTls = () => listener.replaceTls(tlsMaterial());
  store.onChange(() => {
    replaceTls();
    void live.judge();
  });
  ocsp?.onChange(() => void live.judge());
  clients.onChange(() => void live.judge());
  serverCertificate.onChange(replaceTls);
  seat?.onNews(() => {
    void store.refresh();
    void serverCertificate.refresh();
    for (const [name, options] of Object.entries(config.credentials))
      if (!isTokenCredential(options)) credentials.get(name)?.start();
  });
  // What changed while the port was being opened.
  replaceTls();

  phase = "accepting";
  log.info({ port: listener.port, adminPort: admin?.port, version }, `${who} is listening`);

  return {
    port: listener.port,
    adminPort: admin?.port ?? 0,
    metrics,
    readiness,
    async stop(grace) {
      phase = "shutting down";
      graceMs = grace;
      log.info({ graceMs }, `${who} is stopping`);
      await started.disposeAsync();
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
  const { store, clients, explainFacts, ocsp } = composeDecision(config, sources, {
    clock,
    log: silentLogger,
    metrics: silentMetrics,
  });
  await Promise.all([store.start(), clients.start()]);
  return {
    explainFacts,
    problems: store.states().filter(({ freshness }) => freshness === "empty" || freshness === "expired"),
    stop() {
      store.stop();
      clients.stop();
      ocsp?.stop();
    },
  };
}
