import { at, entries, isNothing, items, type Loose, text } from "./loose.ts";
import type { Report } from "./problem.ts";

/** What a deployment's backends say together. */
export function checkDeployments(root: Loose, report: Report): void {
  for (const [, deployment] of entries(at(root, "deployments"))) {
    checkForms(deployment, report);
    checkMembers(deployment, at(root, "backends"), report);
  }
}

function checkForms(deployment: Loose, report: Report): void {
  const short = at(deployment, "backend");
  const long = at(deployment, "backends");
  if (short.value === undefined && long.value === undefined)
    report(
      [...deployment.path, "backend"],
      "is missing: a deployment lives on a backend",
      "Add `backend: NAME`, or `backends` with one entry for each.",
    );
  if (short.value !== undefined && long.value !== undefined)
    report(short.path, "stands beside `backends`", "Put it into `backends`, or remove one of the two.");
  const selection = at(deployment, "selection");
  if (!isNothing(selection) && items(long).length < 2)
    report(selection.path, "does nothing with a single backend", "Remove it, or add another to `backends`.");
}

function checkMembers(deployment: Loose, backends: Loose, report: Report): void {
  const seen = new Set<string>();
  const kinds = new Set<string>();
  for (const member of items(at(deployment, "backends"))) {
    const backend = text(at(member, "backend"));
    if (backend === undefined) continue;
    const key = `${backend} ${text(at(member, "deployment")) ?? deployment.path.at(-1)}`;
    if (seen.has(key))
      report(
        member.path,
        "names the same deployment of the same backend twice",
        "Give it one entry with the sum of the weights.",
      );
    seen.add(key);
    if (at(backends, backend).value === undefined) continue;
    kinds.add(text(at(backends, backend, "kind")) ?? "azure-openai");
    if (kinds.size === 2)
      report(
        at(member, "backend").path,
        "is of another kind than those above it: their requests are not written alike",
        "Make a deployment of its own for each kind.",
      );
  }
}
