import { GatewayError } from "../kernel/errors.ts";
import { filtered } from "../kernel/filtered.ts";
import type { Grant } from "../model/grant.ts";
import { quoteInput } from "../model/quote-input.ts";
import { allow, deny, type Denied, type Verdict } from "../model/verdict.ts";
import type { ClientEntry } from "../policy/client-entry.ts";
import { isTakenBy } from "../target/backend-kinds.ts";
import type { NameAtBackend } from "../target/name-at-backend.ts";
import type { RequestHead } from "../target/parse-head.ts";
import { isNameable } from "../target/rename-request.ts";
import type { Gateway, Place, ReadyBackend, ReadyPool } from "./gateway.ts";
import { locateObjects } from "./ownership.ts";

type Whereabouts = Pick<Gateway, "poolOf" | "objectPools" | "backendOfNewObjects" | "ownership">;

/**
 * Where a request may go, the preferred place first: to its deployment's backends; without a deployment, to the one that
 * holds the objects that it names; without either, to where this client's new objects are made. Of those, the ones that
 * understand the operation, that have all deployments that it names, and that hold all objects that it names: each was
 * proved to be the client's, on that very backend.
 * @throws GatewayError `ownership_unavailable`, `internal_error`
 */
export function findPlaces(
  gateway: Whereabouts,
  entry: ClientEntry,
  grant: Grant,
  head: RequestHead,
): Verdict<ReadyPool> | Promise<Verdict<ReadyPool>> {
  const { deployment, target } = grant;
  if (deployment === undefined) return placesOfObjects(gateway, entry, grant, head);
  const ready = gateway.poolOf(deployment);
  if (ready === undefined)
    throw new GatewayError("internal_error", `deployment ${deployment} has no backend`);

  const understanding = filtered(ready.places, ({ backend }) => isTakenBy(head.operation, backend.kind));
  if (understanding.length === 0) return notUnderstood;
  const nameable = filtered(understanding, (place) =>
    isNameable(head, target, namesAt(gateway, place, deployment)),
  );
  if (nameable.length === 0) return refuse("deployment_not_permitted", unnameable(head));
  const backends = () => [...new Set(nameable.map(({ backend }) => backend.name))];
  const located = locateObjects(grant, backends, gateway.ownership);
  const { pool } = ready;
  return located instanceof Promise
    ? located.then((later) => atHome(pool, nameable, later))
    : atHome(pool, nameable, located);
}

/** Of those places the ones where the named objects lie. */
function atHome(
  pool: ReadyPool["pool"],
  all: readonly Place[],
  located: Verdict<string | undefined>,
): Verdict<ReadyPool> {
  if (!located.allowed) return located;
  const home = located.value;
  const places = home === undefined ? all : all.filter(({ backend }) => backend.name === home);
  return allow({ pool, places }, [...located.trace, traceOf(places)]);
}

async function placesOfObjects(
  gateway: Whereabouts,
  entry: ClientEntry,
  grant: Grant,
  head: RequestHead,
): Promise<Verdict<ReadyPool>> {
  const { objectPools } = gateway;
  const located = await locateObjects(grant, () => [...objectPools.keys()], gateway.ownership);
  if (!located.allowed) return located;
  if (located.value === undefined && head.operation.upgrade !== undefined) {
    const ready = placesOfSocket(gateway, entry, head);
    if (ready !== undefined) return allow(ready, [...located.trace, traceOf(ready.places)]);
  }
  const name = located.value ?? homeOfNewObjects(gateway, entry);
  if (name === undefined)
    return refuse(
      "operation_not_permitted",
      "The request names no deployment, and this client's deployments do not lie on one backend: it cannot be told which of the backends is meant.",
    );
  const ready = objectPools.get(name);
  // The configuration check proves that the name is one; this fails closed if it ever was not.
  if (ready === undefined) throw new GatewayError("internal_error", `there is no backend called ${name}`);
  if (!ready.places.every(({ backend }) => isTakenBy(head.operation, backend.kind))) return notUnderstood;
  return allow(ready, [...located.trace, traceOf(ready.places)]);
}

/**
 * Where a WebSocket may lead whose messages will name the deployments: where all of its client's lie under their own
 * names. There its messages can also name what the client has stored, so the home of new objects comes first.
 */
function placesOfSocket(gateway: Whereabouts, entry: ClientEntry, head: RequestHead): ReadyPool | undefined {
  const deployments = [...entry.rights.deployments];
  const ready = deployments[0] === undefined ? undefined : gateway.poolOf(deployments[0]);
  const places = (ready?.places ?? []).filter(
    ({ backend }) =>
      isTakenBy(head.operation, backend.kind) && refuseElsewhere(gateway, deployments, backend) === undefined,
  );
  if (ready === undefined || places.length === 0) return undefined;
  const home = homeOfNewObjects(gateway, entry);
  return {
    pool: ready.pool,
    places: places.map((place) =>
      place.backend.name === home ? { ...place, member: { ...place.member, priority: 0 } } : place,
    ),
  };
}

/** Where all the client's deployments lie, if that is one backend; else where the configuration says. */
function homeOfNewObjects(
  { poolOf, objectPools, backendOfNewObjects }: Whereabouts,
  entry: ClientEntry,
): string | undefined {
  const each = [...entry.rights.deployments].map(
    (name) => new Set(poolOf(name)?.places.map(({ backend }) => backend.name)),
  );
  const all = new Set(each.flatMap((names) => [...names]));
  const [ofClient] = all;
  if (all.size === 1) return ofClient;
  // Objects that are made where each of its deployments also lives can be used with each of them.
  const shared = [...(each[0] ?? [])].find((name) => each.every((names) => names.has(name)));
  const [ofAll] = objectPools.keys();
  return backendOfNewObjects ?? shared ?? (objectPools.size === 1 ? ofAll : undefined);
}

/**
 * What deployments are called at one place.
 * @param primary the deployment whose place it is
 */
export const namesAt =
  (
    { poolOf }: Pick<Gateway, "poolOf">,
    { member, backend }: Place,
    primary: string | undefined,
  ): NameAtBackend =>
  (deployment) =>
    deployment === primary
      ? member.upstream.deployment
      : poolOf(deployment)?.places.find((place) => place.backend.name === backend.name)?.member.upstream
          .deployment;

/** Whether a deployment lives on a backend, and is called there as it is called here. */
export const isCalledSoAt = (
  { poolOf }: Pick<Gateway, "poolOf">,
  deployment: string,
  backend: string,
): boolean =>
  poolOf(deployment)?.places.some(
    (place) => place.backend.name === backend && place.member.upstream.deployment === deployment,
  ) === true;

/**
 * What a message in a WebSocket names must lie where the connection leads, under that name: it cannot go elsewhere, and
 * there the same name may stand for something that nobody granted.
 */
export function refuseElsewhere(
  { poolOf }: Pick<Gateway, "poolOf">,
  deployments: readonly string[],
  backend: ReadyBackend,
): Denied | undefined {
  const stray = deployments.find((name) => !isCalledSoAt({ poolOf }, name, backend.name));
  if (stray === undefined) return undefined;
  return refuse(
    "deployment_not_permitted",
    `Deployment ${quoteInput(stray)} does not lie on the backend of this connection under this name; open another one for it.`,
  );
}

const refuse = (
  code: "deployment_not_permitted" | "operation_not_permitted" | "operation_unknown",
  detail: string,
): Denied => deny(code, detail, [{ check: "backend", outcome: "fail", detail }]);

const notUnderstood = refuse(
  "operation_unknown",
  "The backends where this would go do not understand this operation.",
);

const unnameable = ({ operation }: RequestHead): string =>
  operation.deployment === "lines" || operation.upgrade !== undefined
    ? "The deployments that the request names do not lie on one backend under these names, and what it sends cannot be renamed."
    : "The deployments that the request names do not lie on one backend.";

const traceOf = (places: readonly Place[]) => ({
  check: "backend",
  outcome: "info" as const,
  detail: places.map(({ backend }) => backend.name).join(", "),
});
