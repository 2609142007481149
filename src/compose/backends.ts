import { env } from "node:process";
import type { SecureContext } from "node:tls";
import { startProber } from "../backend/prober.ts";
import type { BackendConfig } from "../config/backend-schema.ts";
import type { Config } from "../config/schema.ts";
import { forRegion } from "../credential/for-region.ts";
import type { OutboundCredential } from "../credential/outbound-credential.ts";
import type { BackendTlsOptions } from "../forward/adapters/backend-tls.ts";
import { createHttp1Forwarder } from "../forward/adapters/http1/http1-forwarder.ts";
import { createWsLane } from "../forward/adapters/ws-lane.ts";
import type { Gateway, ReadyBackend, ReadyRoute } from "../gateway/gateway.ts";
import type { Clock } from "../kernel/clock.ts";
import type { UpstreamState } from "../model/upstream-state.ts";
import { askBackend } from "./ask-backend.ts";
import { backendTlsOf } from "./backend-tls-of.ts";
import { composePools } from "./pools.ts";
import { proxyOf } from "./proxy-of.ts";

/** What the story needs of backends, the deployments that live on them and the routes that lead to them. */
export interface Backends extends Pick<
  Gateway,
  "poolOf" | "objectPools" | "backendOfNewObjects" | "routeOf" | "quickFirstByteTimeoutMs" | "totalTimeoutMs"
> {
  /** What is known of each place at which a request can arrive. */
  upstreams(): readonly UpstreamState[];
  /** Ends idle connections at once and the others when their answers are complete. */
  close(): Promise<void>;
}

interface Wired extends ReadyBackend {
  readonly way: Way;
}

/** How a backend is reached: the same for every lane. */
interface Way extends BackendTlsOptions, Timeouts {
  readonly origin: string;
  readonly hostHeader?: string;
  readonly proxy?: string;
}

/** @throws GatewayError `internal_error` when a file of a backend cannot be read */
export async function composeBackends(
  config: Config,
  credentials: ReadonlyMap<string, OutboundCredential>,
  clock: Clock,
): Promise<Backends> {
  const backends = new Map<string, Wired>();
  const contexts = new Map<string, SecureContext>();
  for (const [name, written] of Object.entries(config.backends)) {
    const shared = credentials.get(written.credential);
    if (shared !== undefined) backends.set(name, await wire(name, written, shared, config, clock, contexts));
  }
  const pools = composePools(config, backends, clock);
  const probers = Object.entries(config.backends).flatMap(([name, { probe }]) => {
    const backend = backends.get(name);
    if (backend === undefined || probe === undefined) return [];
    const { forwarder, basePath } = backend;
    return [
      startProber({
        clock,
        intervalMs: probe.intervalSeconds * 1000,
        ask: () => askBackend(forwarder, `${basePath}${probe.path}`, probe.timeoutSeconds * 1000, clock),
        upstreams: pools.upstreamsAt(name),
      }),
    ];
  });

  const routes = await composeRoutes(config, backends);

  return {
    poolOf: (deployment) => pools.ofDeployments.get(deployment),
    objectPools: pools.ofObjects,
    backendOfNewObjects: config.ownership.backend,
    routeOf: (url) => routes.find(({ prefix }) => url.startsWith(prefix)),
    quickFirstByteTimeoutMs: config.timeouts.quickFirstByteSeconds * 1000,
    totalTimeoutMs: config.timeouts.totalSeconds * 1000,
    upstreams: () => pools.states(),
    async close() {
      for (const prober of probers) prober.stop();
      for (const { passThrough } of routes) passThrough.close();
      for (const { webSockets } of backends.values()) webSockets.close();
      await Promise.all([...backends.values()].map(({ forwarder }) => forwarder.close()));
    },
  };
}

async function composeRoutes(config: Config, backends: ReadonlyMap<string, Wired>): Promise<ReadyRoute[]> {
  const routes = Object.entries(config.routes);
  if (routes.length === 0) return [];
  // Its library is two megabytes, which only those hold who have a route.
  const { createHttpProxyPassThrough } = await import("../forward/adapters/http-proxy-pass-through.ts");
  return routes.flatMap(([name, { path: prefix, backend: backendName }]) => {
    const backend = backends.get(backendName);
    if (backend === undefined) return [];
    const { outbound, way } = backend;
    return [{ name, prefix, backend, passThrough: createHttpProxyPassThrough(way), outbound }];
  });
}

async function wire(
  name: string,
  written: BackendConfig,
  shared: OutboundCredential,
  config: Config,
  clock: Clock,
  contexts: Map<string, SecureContext>,
): Promise<Wired> {
  const { endpoint, kind, credential, region, hostHeader } = written;
  const { origin, pathname } = new URL(endpoint);
  const proxy = proxyOf(origin, written.proxy, env);
  const way: Way = {
    origin,
    ...timeoutsOf(written, config),
    ...(await backendTlsOf(written, contexts)),
    ...(hostHeader === undefined ? {} : { hostHeader }),
    ...(proxy === undefined ? {} : { proxy }),
  };
  return {
    name,
    kind,
    origin,
    basePath: pathname.replace(/\/$/, ""),
    credential,
    outbound: region === undefined ? shared : forRegion(region, shared, hostHeader),
    forwarder: createHttp1Forwarder(way),
    webSockets: createWsLane({
      ...way,
      clock,
      pingMs: config.timeouts.webSocketPingSeconds * 1000,
      messageLimit: config.limits.webSocketMessageBytes,
    }),
    way,
  };
}

interface Timeouts {
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

const timeoutsOf = ({ timeouts: own }: BackendConfig, { timeouts }: Config): Timeouts => ({
  connectTimeoutMs: (own.connectSeconds ?? timeouts.connectSeconds) * 1000,
  firstByteTimeoutMs: (own.firstByteSeconds ?? timeouts.firstByteSeconds) * 1000,
  idleTimeoutMs: (own.idleSeconds ?? timeouts.idleSeconds) * 1000,
});
