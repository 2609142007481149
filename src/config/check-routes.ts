import type { Report } from "./problem.ts";
import { at, entries, text } from "./loose.ts";
import type { Loose } from "./loose.ts";
import { formatPath } from "./problem.ts";

/** The inference lane's own paths: a route there would take requests away from the checks of that lane. */
const reserved = ["/openai/", "/models/", "/model/"];

/** Which lane and which route a path belongs to must never be a question of order. */
export function checkRoutes(root: Loose, report: Report): void {
  const seen: { readonly path: string; readonly place: string }[] = [];
  for (const [, route] of entries(at(root, "routes"))) {
    const node = at(route, "path");
    const written = text(node);
    if (written === undefined || !written.startsWith("/") || !written.endsWith("/")) continue;
    // Backends and proxies that ignore case exist: two routes that differ in case only are one to them.
    const path = written.toLowerCase();
    if (path.split("/").some((segment) => segment === "." || segment === ".."))
      report(node.path, "must not hold dot segments", "Write the path that is meant.");
    const lane = reserved.find((prefix) => overlap(prefix, path));
    if (lane !== undefined)
      report(
        node.path,
        `overlaps ${lane}, which belongs to the inference lane`,
        "Choose another first segment, such as /apps/.",
      );
    const other = seen.find((earlier) => overlap(earlier.path, path));
    if (other !== undefined)
      report(node.path, `overlaps the path of ${other.place}`, "No route's path may start with another's.");
    seen.push({ path, place: formatPath(route.path) });
  }
}

const overlap = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);
