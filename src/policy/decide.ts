import type { Grant, RouteGrant } from "../model/grant.ts";
import type { Target } from "../model/target.ts";
import { allow, deny } from "../model/verdict.ts";
import type { Verdict } from "../model/verdict.ts";
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
  if (namesNoDeployment.has(target.operation)) {
    if (target.deployments.length > 0)
      return refuse("deployment_not_permitted", "this operation names no deployment");
    return granted({ client: entry.name, target } as Grant, `${target.operation} for client ${entry.name}`);
  }
  const [deployment] = target.deployments;
  if (deployment === undefined) return refuse("deployment_not_permitted", "the request names no deployment");
  for (const name of target.deployments)
    if (!entry.deployments.has(name))
      return refuse(
        "deployment_not_permitted",
        `deployment "${quotable(name)}" is not granted to this client`,
      );
  return granted(
    { client: entry.name, target, deployment } as Grant,
    `${target.operation} on ${target.deployments.join(", ")} for client ${entry.name}`,
  );
}

/** May this client use the pass-through route? The same answer whether or not such a route exists. */
export function decideRoute(entry: ClientEntry, route: string): Verdict<RouteGrant> {
  if (!entry.routes.has(route))
    return refuse("operation_not_permitted", `route "${quotable(route)}" is not granted to this client`);
  return granted({ client: entry.name, route } as RouteGrant, `route ${route} for client ${entry.name}`);
}

const granted = <T>(grant: T, detail: string): Verdict<T> =>
  allow(grant, [{ check: "policy", outcome: "pass", detail }]);

const refuse = (code: "deployment_not_permitted" | "operation_not_permitted", why: string) =>
  deny(code, `${why.charAt(0).toUpperCase()}${why.slice(1)}.`, [
    { check: "policy", outcome: "fail", detail: why },
  ]);

/** The caller's own input, made safe for a JSON answer and a log line: no control or format characters, bounded. */
function quotable(name: string): string {
  const safe = name.slice(0, 64).replace(/[^\x20-\x7e]|["\\]/g, "?");
  return name.length > 64 ? `${safe}...` : safe;
}
