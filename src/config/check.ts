import { checkAws } from "./check-aws.ts";
import { checkClients } from "./check-clients.ts";
import { checkCredentials } from "./check-credentials.ts";
import { checkDeployments } from "./check-deployments.ts";
import { checkOperations } from "./check-operations.ts";
import { checkReferences } from "./check-references.ts";
import { checkRevocation } from "./check-revocation.ts";
import { checkRoutes } from "./check-routes.ts";
import { at, entries, items, text } from "./loose.ts";
import type { Loose } from "./loose.ts";
import type { Report } from "./problem.ts";

/** Everything that can be said about a configuration beyond its shapes. Reads it loosely: shapes may be wrong. */
export function checkConfig(value: unknown, report: Report): void {
  const root: Loose = { path: [], value };
  checkReferences(root, report);
  checkClients(root, report);
  checkRoutes(root, report);
  checkDeployments(root, report);
  checkAws(root, report);
  checkCredentials(root, report);
  checkOperations(root, report);
  checkRevocation(root, report);
  checkUrls(root, report);
}

/** What an origin may not hold: credentials would reach logs, a query or fragment would be lost. */
function checkUrls(root: Loose, report: Report): void {
  const urls = [
    ...entries(at(root, "keyVaults")).map(([, vault]) => at(vault, "url")),
    ...entries(at(root, "backends")).map(([, backend]) => at(backend, "endpoint")),
    ...items(at(root, "trust", "revocation", "crls")).map((crl) => at(crl, "url")),
    at(root, "trust", "revocation", "ocsp", "responderUrl"),
  ];
  for (const node of urls) {
    const written = text(node);
    if (written === undefined || !URL.canParse(written)) continue;
    const url = new URL(written);
    if (url.username !== "" || url.password !== "")
      report(node.path, "must not hold a user name or password", "Remove what stands before the @.");
    if (url.hash !== "") report(node.path, "must not hold a fragment (#)", "Remove it.");
    // A CRL may be served under a query; an endpoint is joined with paths.
    if (url.search !== "" && node.path[0] !== "trust")
      report(node.path, "must not hold a query (?)", "Remove it; api-version comes from the caller.");
  }
}
