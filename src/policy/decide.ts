import type { Grant, RouteGrant } from "../model/grant.ts";
import { quoteInput } from "../model/quote-input.ts";
import type { Target } from "../model/target.ts";
import { allow, deny } from "../model/verdict.ts";
import type { Denied, Verdict } from "../model/verdict.ts";
import type { ClientEntry } from "./client-map.ts";

/**
 * The operations that may name no deployment. Policy keeps its own list: a request that "names none" because its
 * name was overlooked must be denied here, and a new operation is denied until it was thought of here too.
 */
const namesNoDeployment: ReadonlySet<string> = new Set(["models"]);

/**
 * May this client do what the request names? Every deployment that the target names must be granted.
 * The answer for a deployment that does not exist is the same as for one that is not granted.
 */
export function decide(entry: ClientEntry, target: Target): Verdict<Grant> {
  const { operation, deployments } = target;
  const [deployment] = deployments;
  if (namesNoDeployment.has(operation)) {
    if (deployment !== undefined)
      return refuse("deployment_not_permitted", `The operation ${operation} names no deployment.`);
    return grant({ client: entry.name, target }, `${operation} for client ${entry.name}`);
  }
  if (deployment === undefined) return refuse("deployment_not_permitted", "The request names no deployment.");
  for (const name of deployments)
    if (!entry.deployments.has(name))
      return refuse(
        "deployment_not_permitted",
        `Deployment ${quoteInput(name)} is not granted to this client.`,
      );
  return grant(
    { client: entry.name, target, deployment },
    `${operation} on ${deployments.join(", ")} for client ${entry.name}`,
  );
}

/** May this client use the pass-through route? The same answer whether or not such a route exists. */
export function decideRoute(entry: ClientEntry, route: string): Verdict<RouteGrant> {
  if (!entry.routes.has(route))
    return refuse("operation_not_permitted", `Route ${quoteInput(route)} is not granted to this client.`);
  return grant({ client: entry.name, route }, `route ${route} for client ${entry.name}`);
}

type Unbranded<T> = { readonly [K in keyof T as K extends string ? K : never]: T[K] };

function grant(value: Unbranded<Grant>, detail: string): Verdict<Grant>;
function grant(value: Unbranded<RouteGrant>, detail: string): Verdict<RouteGrant>;
/** The one place where the brand is put on: everything that may is made here, after the look-ups above. */
function grant(value: Unbranded<Grant> | Unbranded<RouteGrant>, detail: string): Verdict<Grant | RouteGrant> {
  return allow(value as Grant | RouteGrant, [{ check: "policy", outcome: "pass", detail }]);
}

const refuse = (code: "deployment_not_permitted" | "operation_not_permitted", detail: string): Denied =>
  deny(code, detail, [{ check: "policy", outcome: "fail", detail }]);
