import { checkClient, checkGrant } from "./check-client.ts";
import { ClientCollisions } from "./client-collisions.ts";
import { at, entries } from "./loose.ts";
import type { Loose } from "./loose.ts";
import type { Report } from "./problem.ts";

/** The clients of the configuration, each by itself and all together, and the roles that they share. */
export function checkClients(root: Loose, report: Report): void {
  const allowSha1 = at(root, "identity", "allowSha1Thumbprints").value === true;
  const collisions = new ClientCollisions(report);
  if (at(root, "clients").value === undefined && at(root, "registry").value === undefined)
    report(["clients"], "is missing", "Add it: a mapping (name: ...); or name a `registry` of clients.");
  for (const [name, client] of entries(at(root, "clients"))) {
    checkClient(client, allowSha1, report);
    collisions.add(name, client);
  }
  collisions.finish();
  for (const [, role] of entries(at(root, "roles"))) checkGrant(role, report);
}
