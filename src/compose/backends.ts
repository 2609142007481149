import { membersOf } from "../config/backend-schema.ts";
import type { Config } from "../config/schema.ts";
import type { OutboundCredential } from "../credential/outbound-credential.ts";
import { createHttpProxyPassThrough } from "../forward/adapters/http-proxy-pass-through.ts";
import { createUndiciForwarder } from "../forward/adapters/undici-forwarder.ts";
import { createWsLane } from "../forward/adapters/ws-lane.ts";
import type { ReadyBackend, ReadyRoute } from "../gateway/gateway.ts";
import type { Clock } from "../kernel/clock.ts";
import { readCa } from "./sources.ts";

export interface Backends {
  readonly backendOf: (deployment: string) => ReadyBackend | undefined;
  readonly objectBackends: ReadonlyMap<string, ReadyBackend>;
  readonly backendOfNewObjects: string | undefined;
  readonly routeOf: (url: string) => ReadyRoute | undefined;
  /** Ends idle connections at once and the others when their answers are complete. */
  close(): Promise<void>;
}

/** Backends, the deployments that live on them and the routes that lead to them. */
export async function composeBackends(
  config: Config,
  credentials: ReadonlyMap<string, OutboundCredential>,
  clock: Clock,
): Promise<Backends> {
  const timeouts = {
    connectTimeoutMs: config.timeouts.connectSeconds * 1000,
    firstByteTimeoutMs: config.timeouts.firstByteSeconds * 1000,
    idleTimeoutMs: config.timeouts.idleSeconds * 1000,
  };
  const backends = new Map<string, ReadyBackend & { readonly ca: string | undefined }>();
  for (const [name, { endpoint, kind, credential, caFile }] of Object.entries(config.backends)) {
    const { origin, pathname } = new URL(endpoint);
    const outbound = credentials.get(credential);
    if (outbound === undefined) continue;
    const ca = await readCa(caFile);
    const forwarder = createUndiciForwarder({ origin, ...timeouts, ...(ca === undefined ? {} : { ca }) });
    const webSockets = createWsLane({
      origin,
      clock,
      ...timeouts,
      pingMs: config.timeouts.webSocketPingSeconds * 1000,
      messageLimit: config.limits.webSocketMessageBytes,
      ...(ca === undefined ? {} : { ca }),
    });
    const basePath = pathname.replace(/\/$/, "");
    backends.set(name, { name, kind, origin, basePath, credential, outbound, forwarder, webSockets, ca });
  }

  const deployments = new Map<string, ReadyBackend>();
  for (const [deployment, written] of Object.entries(config.deployments)) {
    const backend = backends.get(membersOf(written)[0]?.backend ?? "");
    if (backend !== undefined) deployments.set(deployment, backend);
  }

  const ofNewObjects = config.ownership.backend;
  const objectBackends = new Map<string, ReadyBackend>(
    [...deployments.values(), ofNewObjects === undefined ? undefined : backends.get(ofNewObjects)].flatMap(
      (backend) => (backend === undefined ? [] : [[backend.name, backend]]),
    ),
  );

  const routes = Object.entries(config.routes).flatMap(([name, { path: prefix, backend: backendName }]) => {
    const backend = backends.get(backendName);
    if (backend === undefined) return [];
    const { origin, ca, outbound } = backend;
    const passThrough = createHttpProxyPassThrough({
      origin,
      ...timeouts,
      ...(ca === undefined ? {} : { ca }),
    });
    return [{ name, prefix, backend, passThrough, outbound }];
  });

  return {
    backendOf: (deployment) => deployments.get(deployment),
    objectBackends,
    backendOfNewObjects: ofNewObjects,
    routeOf: (url) => routes.find(({ prefix }) => url.startsWith(prefix)),
    async close() {
      for (const { passThrough } of routes) passThrough.close();
      for (const { webSockets } of backends.values()) webSockets.close();
      await Promise.all([...backends.values()].map(({ forwarder }) => forwarder.close()));
    },
  };
}
