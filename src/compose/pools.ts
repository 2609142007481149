import { type BreakerOptions, CircuitBreaker } from "../backend/circuit-breaker.ts";
import { BackendPool, type PoolMember } from "../backend/pool.ts";
import { RetryBudget } from "../backend/retry-budget.ts";
import { type BackendLoad, Upstream } from "../backend/upstream.ts";
import { type BackendConfig, type DeploymentConfig, membersOf } from "../config/backend-schema.ts";
import type { Config } from "../config/schema.ts";
import type { ReadyBackend, ReadyPool } from "../gateway/gateway.ts";
import type { Clock } from "../kernel/clock.ts";
import type { UpstreamState } from "../model/upstream-state.ts";

/** Where everything goes, and what is known of each place. */
export interface Pools {
  readonly ofDeployments: ReadonlyMap<string, ReadyPool>;
  /** By backend: what names no deployment. */
  readonly ofObjects: ReadonlyMap<string, ReadyPool>;
  /** What deployments lead to a backend, and what names none. */
  upstreamsAt(backend: string): readonly Upstream[];
  states(): readonly UpstreamState[];
}

/** @param random in [0, 1) */
export function composePools(
  config: Config,
  backends: ReadonlyMap<string, ReadyBackend>,
  clock: Clock,
  random: () => number = Math.random,
): Pools {
  const upstreams = new Map<string, Upstream>();
  const loads = new Map<string, BackendLoad>();
  const upstreamAt = (backend: string, deployment: string, written: BackendConfig): Upstream => {
    const key = JSON.stringify([backend, deployment]);
    const known = upstreams.get(key);
    if (known !== undefined) return known;
    const load = loads.get(backend) ?? { backend, concurrency: written.limits.concurrency, outstanding: 0 };
    loads.set(backend, load);
    const breaker = new CircuitBreaker(breakerOptions(written), clock, random);
    const made = new Upstream(deployment, load, breaker);
    upstreams.set(key, made);
    return made;
  };

  const ofDeployments = new Map<string, ReadyPool>();
  for (const [name, written] of Object.entries(config.deployments)) {
    const places = membersOf(written)
      .toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)
      .flatMap(({ backend: at, deployment = name, priority, weight }) => {
        const backend = backends.get(at);
        const own = config.backends[at];
        if (backend === undefined || own === undefined) return [];
        return [{ backend, member: { upstream: upstreamAt(at, deployment, own), priority, weight } }];
      });
    if (places.length > 0) ofDeployments.set(name, { places, pool: poolOf(written, places, random) });
  }

  const objectNames = new Set([
    ...[...ofDeployments.values()].flatMap(({ places }) => places.map(({ backend }) => backend.name)),
    ...(config.ownership.backend === undefined ? [] : [config.ownership.backend]),
  ]);
  const ofObjects = new Map<string, ReadyPool>();
  for (const at of objectNames) {
    const backend = backends.get(at);
    const own = config.backends[at];
    if (backend === undefined || own === undefined) continue;
    const places = [{ backend, member: { upstream: upstreamAt(at, "", own), priority: 1, weight: 1 } }];
    ofObjects.set(at, { places, pool: poolOf(alone, places, random) });
  }

  return {
    ofDeployments,
    ofObjects,
    upstreamsAt: (backend) => [...upstreams.values()].filter((upstream) => upstream.backend === backend),
    states: () => [...upstreams.values()].map((upstream) => upstream.state()),
  };
}

/** A request about a stored object can go to one place, once. */
const alone = {
  selection: "weighted",
  retry: { attempts: 1, totalSeconds: 1, budgetPercent: 0, budgetBurst: 0 },
} as const;

const poolOf = (
  { selection, retry }: Pick<DeploymentConfig, "selection" | "retry">,
  places: readonly { readonly member: PoolMember }[],
  random: () => number,
): BackendPool =>
  new BackendPool({
    members: places.map(({ member }) => member),
    selection,
    budget: new RetryBudget({ percent: retry.budgetPercent, burst: retry.budgetBurst }),
    attempts: retry.attempts,
    retryWithinMs: retry.totalSeconds * 1000,
    random,
  });

const breakerOptions = ({ breaker }: BackendConfig): BreakerOptions => ({
  failures: breaker.failures,
  openMs: breaker.openSeconds * 1000,
  maxOpenMs: breaker.maxOpenSeconds * 1000,
  slowStartMs: breaker.slowStartSeconds * 1000,
});
