import type { Grant, RouteGrant } from "../model/grant.ts";
import { quoteInput } from "../model/quote-input.ts";
import type { Target } from "../model/target.ts";
import { allow, deny } from "../model/verdict.ts";
import type { Denied, Verdict } from "../model/verdict.ts";
import type { ClientEntry } from "./client-entry.ts";
import { apiVersionsOf, groupsOnDeployments, isOwnList, mustNameDeployment } from "./operation-rules.ts";
import { type Circumstances, exceededLimit, type Limits, type Permission } from "./permissions.ts";

export type { Circumstances } from "./permissions.ts";

/**
 * May this client do what the request names, here and now? For every deployment that the target names, one bundle of
 * the client's rights must grant the operation on it: bundles do not lend each other what they lack. The client's own
 * limits stand over all of them.
 * The answer for a deployment that does not exist is the same as for one that is not granted.
 * Whose the stored objects are that the target names is not asked here: the gateway asks, with this grant in hand.
 */
export function decide(entry: ClientEntry, target: Target, circumstances: Circumstances): Verdict<Grant> {
  const { operation, group, deployments } = target;
  const [deployment] = deployments;
  const ownList = isOwnList(target);
  if (ownList && deployment !== undefined)
    return refuse("deployment_not_permitted", `The operation ${operation} names no deployment.`);
  if (deployment === undefined && mustNameDeployment(target))
    return refuse("deployment_not_permitted", "The request names no deployment.");

  const own = limitOnRequest(entry.rights.limits, target, circumstances);
  if (own !== undefined) return outside(own);
  // What a client may use, it may list.
  if (!ownList) {
    const { permissions } = entry.rights;
    if (!permissions.some(({ operations }) => operations.has(group))) return notThisOperation(operation);
    if (deployment === undefined) {
      // What is about stored objects only: a bundle that could not have made them must not slip past another's limits.
      const able = groupsOnDeployments.has(group)
        ? permissions.filter(({ deployments: its }) => its.size > 0)
        : permissions;
      const limit = bestLimit(able, group, undefined, target, circumstances);
      if (limit === "not granted") return notThisOperation(operation);
      if (limit !== undefined) return outside(limit);
    }
    for (const name of deployments) {
      const limit = bestLimit(permissions, group, name, target, circumstances);
      if (limit === "not granted") return notThisDeployment(name);
      if (limit !== undefined) return outside(limit);
    }
  }
  return deployment === undefined
    ? grant({ client: entry.name, target }, `${operation} for client ${entry.name}`)
    : grant(
        { client: entry.name, target, deployment },
        `${operation} on ${deployments.join(", ")} for client ${entry.name}`,
      );
}

/** What is known of a request before its body is read. */
export type RequestSoFar = Pick<Target, "operation" | "group"> & { readonly deployment?: string | undefined };

/**
 * Could any body make this request one that is granted? Where none could, it is denied before a byte of the body is
 * asked for: nobody gets to fill the gateway's memory with what he may not send. A yes here grants nothing.
 */
export function mayStillBeGranted(entry: ClientEntry, request: RequestSoFar): Verdict<undefined> {
  const { operation, group, deployment } = request;
  let isOperation = false;
  for (const { operations, deployments } of entry.rights.permissions) {
    if (!operations.has(group)) continue;
    if (deployment === undefined || deployments.has(deployment)) return allow(undefined);
    isOperation = true;
  }
  return isOperation && deployment !== undefined
    ? notThisDeployment(deployment)
    : notThisOperation(operation);
}

/** May this client use the pass-through route? The same answer whether or not such a route exists. */
export function decideRoute(
  entry: ClientEntry,
  route: string,
  circumstances: Circumstances,
): Verdict<RouteGrant> {
  const own = exceededLimit(entry.rights.limits, circumstances);
  if (own !== undefined) return outside(own);
  let limit: string | undefined = `Route ${quoteInput(route)} is not granted to this client.`;
  for (const permission of entry.rights.permissions) {
    if (!permission.routes.has(route)) continue;
    const exceeded = exceededLimit(permission, circumstances);
    if (exceeded === undefined)
      return grant({ client: entry.name, route }, `route ${route} for client ${entry.name}`);
    limit = sentenceAbout(exceeded);
  }
  return refuse("operation_not_permitted", limit);
}

/**
 * Over the bundles that grant the operation (on that deployment): undefined as soon as one stands unlimited; else what
 * limits the last of them, or that there is none.
 */
function bestLimit(
  permissions: readonly Permission[],
  group: string,
  deployment: string | undefined,
  target: Target,
  circumstances: Circumstances,
): string | undefined {
  let limit = "not granted";
  for (const permission of permissions) {
    if (!permission.operations.has(group)) continue;
    if (deployment !== undefined && !permission.deployments.has(deployment)) continue;
    const exceeded = limitOnRequest(permission, target, circumstances);
    if (exceeded === undefined) return undefined;
    limit = exceeded;
  }
  return limit;
}

function limitOnRequest(limits: Limits, target: Target, circumstances: Circumstances): string | undefined {
  if (limits.apiVersions !== undefined) {
    const versions = apiVersionsOf(target);
    if (versions.length === 0 || !versions.every((version) => limits.apiVersions?.has(version)))
      return "with this API version";
  }
  return exceededLimit(limits, circumstances);
}

const sentenceAbout = (limit: string): string => `This client may not do this ${limit}.`;
const outside = (limit: string): Denied => refuse("operation_not_permitted", sentenceAbout(limit));
const notThisDeployment = (deployment: string): Denied =>
  refuse("deployment_not_permitted", `Deployment ${quoteInput(deployment)} is not granted to this client.`);
const notThisOperation = (operation: string): Denied =>
  refuse("operation_not_permitted", `The operation ${operation} is not granted to this client.`);

type Unbranded<T> = { readonly [K in keyof T as K extends string ? K : never]: T[K] };

function grant(value: Unbranded<Grant>, detail: string): Verdict<Grant>;
function grant(value: Unbranded<RouteGrant>, detail: string): Verdict<RouteGrant>;
/** The one place where the brand is put on: everything that may is made here, after the look-ups above. */
function grant(value: Unbranded<Grant> | Unbranded<RouteGrant>, detail: string): Verdict<Grant | RouteGrant> {
  return allow(value as Grant | RouteGrant, [{ check: "policy", outcome: "pass", detail }]);
}

const refuse = (code: "deployment_not_permitted" | "operation_not_permitted", detail: string): Denied =>
  deny(code, detail, [{ check: "policy", outcome: "fail", detail }]);
