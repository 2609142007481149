import { GatewayError } from "../kernel/errors.ts";
import type { Grant } from "../model/grant.ts";
import { quoteInput } from "../model/quote-input.ts";
import { allow, deny, type Denied, type Verdict } from "../model/verdict.ts";
import type { ClientEntry } from "../policy/client-entry.ts";
import type { Gateway, ReadyBackend } from "./gateway.ts";
import { locateObjects } from "./ownership.ts";

/**
 * Where a request goes: to its deployment's backend; without a deployment, to the one that holds the objects that it
 * names; without either, to where this client's new objects are made. Every object that it names was proved to be the
 * client's, on that very backend.
 * @throws GatewayError `ownership_unavailable`, `internal_error`
 */
export async function findBackend(
  gateway: Gateway,
  entry: ClientEntry,
  grant: Grant,
): Promise<Verdict<ReadyBackend>> {
  const { objectBackends, backendOfNewObjects, backendOf, ownership } = gateway;
  const { deployment } = grant;
  const ofDeployment = deployment === undefined ? undefined : backendOf(deployment);
  if (deployment !== undefined && ofDeployment === undefined)
    throw new GatewayError("internal_error", `deployment ${deployment} has no backend`);

  const candidates = ofDeployment === undefined ? [...objectBackends.keys()] : [ofDeployment.name];
  const located = await locateObjects(grant, candidates, ownership);
  if (!located.allowed) return located;
  if (ofDeployment !== undefined) return allow(ofDeployment, located.trace);
  if (located.value !== undefined) return found(objectBackends.get(located.value), located.value);

  const ofClient = new Set([...entry.rights.deployments].map((name) => backendOf(name)?.name));
  const [ofAllItsDeployments] = ofClient;
  const [ofAll] = objectBackends.keys();
  const name =
    (ofClient.size === 1 ? ofAllItsDeployments : backendOfNewObjects) ??
    (objectBackends.size === 1 ? ofAll : undefined);
  if (name !== undefined) return found(objectBackends.get(name), name);
  const detail =
    "The request names no deployment, and this client's deployments do not lie on one backend: it cannot be told which of the backends is meant.";
  return deny("operation_not_permitted", detail, [{ check: "backend", outcome: "fail", detail }]);
}

/**
 * What a message in a WebSocket names must lie where the connection leads: it cannot go elsewhere, and there the same
 * name may stand for something that nobody granted.
 */
export function refuseElsewhere(
  { backendOf }: Pick<Gateway, "backendOf">,
  deployments: readonly string[],
  backend: ReadyBackend,
): Denied | undefined {
  const stray = deployments.find((name) => backendOf(name)?.name !== backend.name);
  if (stray === undefined) return undefined;
  const detail = `Deployment ${quoteInput(stray)} does not lie on the backend of this connection; open another one for it.`;
  return deny("deployment_not_permitted", detail, [{ check: "backend", outcome: "fail", detail }]);
}

/** The configuration check proves that the name is one; this fails closed if it ever was not. */
function found(backend: ReadyBackend | undefined, name: string): Verdict<ReadyBackend> {
  if (backend === undefined) throw new GatewayError("internal_error", `there is no backend called ${name}`);
  return allow(backend, [{ check: "backend", outcome: "info", detail: name }]);
}
