import type { ReadinessItem } from "../admin/readiness.ts";
import { readinessOf } from "../admin/readiness.ts";
import type { Config } from "../config/schema.ts";
import type { OutboundCredential, RequestToAuthenticate } from "../credential/outbound-credential.ts";
import type { CallerFacts } from "../gateway/caller.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { ByteBudget } from "../kernel/byte-budget.ts";
import type { Clock } from "../kernel/clock.ts";
import { GatewayError } from "../kernel/errors.ts";
import type { RefreshingState } from "../kernel/refreshing.ts";
import type { TlsMaterial } from "../listener/tls-context.ts";
import type { Metrics } from "../model/metrics.ts";
import type { UpstreamState } from "../model/upstream-state.ts";
import type { ProcessLog } from "../telemetry/logger.ts";
import { createServerCertificateKeeper } from "../trust/server-certificate-keeper.ts";
import { composeBackends } from "./backends.ts";
import { composeClients } from "./clients.ts";
import { outboundCredential } from "./credentials.ts";
import { composeDecision, composeTrust } from "./decision.ts";
import { fingerprint, type KeptParts } from "./kept-parts.ts";
import { contentOfFiles } from "./content-of-files.ts";
import { type Origins, readCa } from "./origins.ts";
import { composeOwnership } from "./ownership.ts";
import { readinessOfAnchors, readinessOfBackends, readinessOfCrls } from "./readiness.ts";
import { asksAtNeed, revocationRules } from "./revocation.ts";
import { composeSources } from "./sources.ts";

export interface AssemblyNeeds {
  /** In a worker: its supervisor. */
  readonly origins?: ((config: Config) => Origins) | undefined;
  readonly clock: Clock;
  readonly log: ProcessLog;
  readonly metrics: Metrics;
  /** Of the whole process, whatever the configuration is. */
  readonly bodies: ByteBudget;
  /** What an earlier configuration made from the same words is taken over. */
  readonly parts: KeptParts;
  /** Called whenever a fact on which decisions rest has changed. */
  readonly factsChanged: () => void;
  /** Called whenever what new connections are offered has changed. */
  readonly tlsChanged: () => void;
}

/** Everything that one configuration names, wired. */
export interface Assembly {
  readonly config: Config;
  /** Tells one configuration from another. */
  readonly version: string;
  readonly callers: CallerFacts;
  readonly gateway: Gateway;
  /**
   * Resolves when each source was tried once. A source that does not answer is no fault here: `readiness` says so.
   * @throws GatewayError when the clients cannot be had
   */
  start(): Promise<void>;
  /** Resolves when each credential was tried once. */
  settle(): Promise<void>;
  /** Looks at every source now. Never throws: `readiness` says what failed. */
  refresh(): Promise<void>;
  /** As `refresh`, after another worker fetched something: what it fetched is there for all. */
  follow(): void;
  /** @throws GatewayError `trust_unavailable` without a certificate of the gateway's own */
  tlsMaterial(): TlsMaterial;
  readiness(): ReadinessItem[];
  states(): RefreshingState[];
  /** What is known of each place at which requests arrive. */
  upstreams(): readonly UpstreamState[];
  /** Gives every part back; those that no other configuration uses end. */
  close(): Promise<void>;
}

/** @throws GatewayError when a file that the configuration names cannot be read; then nothing is left behind */
export async function assemble(config: Config, needs: AssemblyNeeds): Promise<Assembly> {
  const owner = new AsyncDisposableStack();
  try {
    return await assembleFor(owner, config, needs);
  } catch (fault) {
    await owner.disposeAsync();
    throw fault;
  }
}

async function assembleFor(
  owner: AsyncDisposableStack,
  config: Config,
  { clock, log, metrics, bodies, parts, origins, factsChanged, tlsChanged }: AssemblyNeeds,
): Promise<Assembly> {
  const { listen, trust: trustConfig, keyVaults, deployments, limits, timeouts } = config;
  const sources = await composeSources(config, clock, origins?.(config));
  const files = await contentOfFiles(config);
  // What a vault is read with belongs to it; what only backends use must not make the roots be fetched anew.
  const vaults = { keyVaults, credentials: pick(config.credentials, Object.values(keyVaults)), files };

  const trust = await parts.take(
    owner,
    "trust",
    { trust: trustConfig, vaults },
    () => {
      const made = composeTrust(config, sources, { clock, log, metrics });
      made.store.onChange(tlsChanged);
      made.ocsp?.onChange(factsChanged);
      return { ...made, started: made.store.start() };
    },
    (made) => made.stop(),
  );
  const serverCertificate = await parts.take(
    owner,
    "server certificate",
    { source: listen.certificate, refreshSeconds: trustConfig.refreshSeconds, vaults },
    () => {
      const keeper = createServerCertificateKeeper({
        clock,
        logger: log,
        source: sources.serverCertificate(listen.certificate),
        refreshMs: trustConfig.refreshSeconds * 1000,
      });
      keeper.onChange(tlsChanged);
      return { keeper, started: keeper.start() };
    },
    ({ keeper }) => keeper.stop(),
  );
  const { clients: clientList, roles, registry, identity } = config;
  const clients = await parts.take(
    owner,
    "clients",
    { clientList, roles, registry, identity, deployments: Object.keys(deployments) },
    () => {
      const made = composeClients(config, clock, log);
      made.onChange(factsChanged);
      const started = made.start();
      // Whoever waits for it hears; nobody waiting must not end the process.
      started.catch(() => {});
      return { ...made, started };
    },
    (made) => made.stop(),
  );
  const credentials = new Map<string, OutboundCredential>();
  for (const [name, options] of Object.entries(pick(config.credentials, Object.values(config.backends))))
    credentials.set(
      name,
      await parts.take(
        owner,
        `credential ${name}`,
        { options, vaults },
        () => {
          const made = outboundCredential(name, options, { ...sources, clock, log, readCa });
          made.start();
          return made;
        },
        (made) => made.stop(),
      ),
    );
  const { backends: backendList, routes, ownership: ownershipConfig } = config;
  const backends = await parts.take(
    owner,
    "backends",
    {
      backendList,
      deployments,
      routes,
      timeouts,
      messageBytes: limits.webSocketMessageBytes,
      files,
      vaults,
      credentials: pick(config.credentials, Object.values(config.backends)),
      ofNewObjects: ownershipConfig.backend,
    },
    () => composeBackends(config, credentials, clock),
    (made) => made.close(),
  );
  const ownership = await parts.take(
    owner,
    "ownership",
    { ownershipConfig, files },
    () => composeOwnership(config, clock, log),
    (made) => made.store.close(),
  );

  const { callers, surface } = composeDecision(config, trust, clients, clock);
  const { revocation } = trustConfig;
  const kept = (): RefreshingState[] => [
    serverCertificate.keeper.state(),
    ...clients.states(),
    ...[...credentials.values()].map((credential) => credential.state()),
  ];
  return {
    config,
    version: fingerprint({ config, files }),
    callers,
    gateway: {
      ...backends,
      surface,
      ownership,
      clock,
      metrics,
      jsonBodyLimit: limits.jsonBodyBytes,
      formLimits: {
        heldBytes: limits.formHeldBytes,
        bodyBytes: limits.formBodyBytes,
        stallMs: limits.bodyStallSeconds * 1000,
      },
      bodies,
      bodyStallMs: limits.bodyStallSeconds * 1000,
    },
    async start() {
      await Promise.all([trust.started, serverCertificate.started, clients.started]);
    },
    async settle() {
      // Asking for headers is how one waits for a credential; whether it works is told by its state.
      await Promise.allSettled([...credentials.values()].map((credential) => credential.headers(idle)));
    },
    async refresh() {
      await Promise.allSettled([trust.store.refresh(), serverCertificate.keeper.refresh()]);
    },
    follow() {
      void trust.store.refresh();
      void serverCertificate.keeper.refresh();
      for (const [name, credential] of credentials) {
        // Those that read a vault. Tokens, and AWS's keys, have times of their own.
        const type = config.credentials[name]?.type;
        if (type === "api-key" || type === "aws-bearer") credential.start();
      }
    },
    tlsMaterial() {
      const own = serverCertificate.keeper.current();
      if (own === undefined) {
        const { lastError } = serverCertificate.keeper.state();
        throw new GatewayError("trust_unavailable", "the gateway's own TLS certificate could not be loaded", {
          cause: lastError,
        });
      }
      const { anchors, intermediates } = trust.store.current();
      return { ...own, clientCas: [...anchors, ...intermediates].map(({ der }) => der) };
    },
    readiness: () => [
      readinessOfAnchors(trust.store.current()),
      ...readinessOfCrls(
        trust.store,
        { ...revocationRules(revocation), asksAtNeed: asksAtNeed(revocation) },
        clock,
      ),
      ...[...trust.store.certificateStates(), ...kept()].map((state) => readinessOf(state, clock)),
      ...readinessOfBackends(backends.upstreams(), clock),
    ],
    states: () => [...trust.store.states(), ...kept()],
    upstreams: () => backends.upstreams(),
    close: () => owner.disposeAsync(),
  };
}

/** Stands for any request. */
const idle: RequestToAuthenticate = {
  origin: "https://localhost",
  method: "GET",
  path: "/",
  headers: [],
  body: null,
  region: "us-east-1",
};

/** The credentials that these name. */
const pick = (
  all: Config["credentials"],
  users: readonly { readonly credential: string }[],
): Config["credentials"] => {
  const used = new Set(users.map(({ credential }) => credential));
  return Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name)));
};
