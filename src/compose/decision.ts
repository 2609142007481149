import { membersOf } from "../config/backend-schema.ts";
import type { Config } from "../config/schema.ts";
import type { CallerFacts } from "../gateway/caller.ts";
import type { ExplainFacts } from "../gateway/explain.ts";
import {
  type ClientCertificateVerifier,
  createClientCertificateVerifier,
  type TrustFacts,
} from "../identity/client-certificate.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Metrics } from "../model/metrics.ts";
import { defaultPathRules, type PathRules } from "../pki/verify-path.ts";
import { createTrustStore, type TrustStore } from "../trust/trust-store.ts";
import { compileSurface, type Surface } from "../target/surface.ts";
import type { OcspKeeper } from "../trust/ocsp/ocsp-keeper.ts";
import type { Clients } from "./clients.ts";
import { composeOcsp } from "./ocsp.ts";
import { followsPoints, missingFetcher, revocationRules } from "./revocation.ts";
import type { Sources } from "./sources.ts";

/** Trust anchors, revocation data, and the verdict on a path that rests on them. */
export interface Trust {
  readonly store: TrustStore;
  readonly verifier: ClientCertificateVerifier;
  /** Absent where OCSP is off. */
  readonly ocsp: OcspKeeper | undefined;
  /** Grows with every change. */
  version(): number;
  readonly fetchMissing: CallerFacts["fetchMissing"];
  stop(): void;
}

export interface DecisionNeeds {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export function composeTrust(
  config: Config,
  sources: Sources,
  { clock, log, metrics }: DecisionNeeds,
): Trust {
  const { trust } = config;
  const store = createTrustStore({
    clock,
    logger: log,
    anchors: trust.anchors.map(sources.certificates),
    intermediates: trust.intermediates.map(sources.certificates),
    crls: trust.revocation.mode === "off" ? [] : trust.revocation.crls.map(sources.crls),
    crlReader: sources.crlReader,
    ...(followsPoints(trust.revocation) ? { distributionPoint: sources.distributionPoint } : {}),
    refreshMs: trust.refreshSeconds * 1000,
    maxStaleMs: trust.maxStaleSeconds * 1000,
    crlRefreshMs: trust.revocation.refreshSeconds * 1000,
  });
  const rules = pathRules(trust.path);
  const ocsp = composeOcsp(trust.revocation, rules, clock, log);
  const facts = trustFacts(store, revocationRules(trust.revocation), ocsp);
  return {
    store,
    ocsp: ocsp?.keeper,
    version: () => facts().version,
    fetchMissing: missingFetcher(store, ocsp?.keeper),
    verifier: createClientCertificateVerifier({ clock, log, metrics, rules, facts }),
    stop() {
      store.stop();
      ocsp?.keeper.stop();
    },
  };
}

/** Everything that a decision rests on: enough for `certgate explain`, and the first half of the gateway. */
export interface Decision {
  readonly callers: CallerFacts;
  readonly surface: Surface;
  readonly explainFacts: ExplainFacts;
}

export function composeDecision(config: Config, trust: Trust, clients: Clients, clock: Clock): Decision {
  const surface = compileSurface(config.operations, config.features);
  const callers: CallerFacts = {
    clock,
    verifier: trust.verifier,
    clients: () => clients.map(),
    // Both only ever grow, so their sum stands for no two states.
    generation: () => trust.version() + clients.version(),
    fetchMissing: trust.fetchMissing,
  };
  return {
    callers,
    surface,
    explainFacts: {
      callers,
      surface,
      placesOf(deployment) {
        const written = config.deployments[deployment];
        return (written === undefined ? [] : membersOf(written))
          .toSorted((one, other) => one.priority - other.priority || other.weight - one.weight)
          .map(({ backend, deployment: name = deployment }) => ({ backend, name }));
      },
      routeOf: (url) =>
        Object.entries(config.routes)
          .map(([name, { path: prefix, backend }]) => ({ name, prefix, backend }))
          .find(({ prefix }) => url.startsWith(prefix)),
    },
  };
}

/** The defaults, made stricter where the configuration says so. */
function pathRules({ signatureAlgorithms, ...stricter }: Config["trust"]["path"]): PathRules {
  return {
    ...defaultPathRules,
    ...stricter,
    ...(signatureAlgorithms === undefined ? {} : { signatureAlgorithms }),
  };
}

/** The store's snapshot as the verifier takes it; one object a version. */
function trustFacts(
  store: TrustStore,
  rules: ReturnType<typeof revocationRules>,
  ocsp: ReturnType<typeof composeOcsp>,
): () => TrustFacts {
  const other = ocsp === undefined ? {} : { other: { order: ocsp.order, source: ocsp.keeper.source } };
  let last: TrustFacts | undefined;
  return () => {
    const { version: ownVersion, anchors, intermediates, crls } = store.current();
    // Both only ever grow, so their sum stands for no two states.
    const version = ownVersion + (ocsp?.keeper.version() ?? 0);
    if (last?.version !== version)
      last = { version, anchors, intermediates, revocation: { ...rules, crls, ...other } };
    return last;
  };
}
