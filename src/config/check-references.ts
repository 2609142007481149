import { vaultReferences } from "./check-credentials.ts";
import type { Report } from "./problem.ts";
import { at, entries, items, text } from "./loose.ts";
import type { Loose } from "./loose.ts";
import { suggestHint } from "./suggest.ts";

/** Every name that is used must be the name of something. */
export function checkReferences(root: Loose, report: Report): void {
  const check = (reference: Loose, section: string, kind: string): void => {
    const name = text(reference);
    if (name === undefined) return;
    const known = entries(at(root, section)).map(([key]) => key);
    if (!known.includes(name))
      report(
        reference.path,
        `names the ${kind} ${JSON.stringify(name)}, which is not defined`,
        suggestHint(name, known, `Define it under \`${section}\`.`),
      );
  };
  const backend = (node: Loose) => check(at(node, "backend"), "backends", "backend");
  const credential = (node: Loose) => check(at(node, "credential"), "credentials", "credential");
  const keyVault = (node: Loose) => check(at(node, "keyVault"), "keyVaults", "key vault");

  for (const [, deployment] of entries(at(root, "deployments")))
    for (const member of [deployment, ...items(at(deployment, "backends"))]) backend(member);
  for (const [, route] of entries(at(root, "routes"))) backend(route);
  backend(at(root, "ownership"));
  for (const [, node] of entries(at(root, "backends"))) credential(node);
  for (const [, node] of entries(at(root, "keyVaults"))) credential(node);
  keyVault(at(root, "listen", "certificate"));
  for (const source of vaultReferences(root)) keyVault(source);
  for (const list of ["anchors", "intermediates"])
    for (const source of items(at(root, "trust", list))) keyVault(source);
  for (const [, granted] of [...entries(at(root, "clients")), ...entries(at(root, "roles"))]) {
    for (const name of items(at(granted, "deployments")))
      if (text(name) !== "*") check(name, "deployments", "deployment");
    for (const name of items(at(granted, "routes"))) check(name, "routes", "route");
    for (const name of items(at(granted, "roles"))) check(name, "roles", "role");
  }
}
