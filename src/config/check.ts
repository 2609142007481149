import { checkReferences } from "./check-references.ts";
import { checkRoutes } from "./check-routes.ts";
import { checkThumbprints } from "./check-thumbprints.ts";
import { at, entries, items, text } from "./loose.ts";
import type { Loose } from "./loose.ts";
import type { Report } from "./problem.ts";

/** Everything that can be said about a configuration beyond its shapes. Reads it loosely: shapes may be wrong. */
export function checkConfig(value: unknown, report: Report): void {
  const root: Loose = { path: [], value };
  checkReferences(root, report);
  checkThumbprints(root, report);
  checkRoutes(root, report);
  checkGrants(root, report);
  checkRevocation(root, report);
  checkUrls(root, report);
}

function checkGrants(root: Loose, report: Report): void {
  for (const [, client] of entries(at(root, "clients")))
    if (
      typeof client.value === "object" &&
      client.value !== null &&
      isNothing(at(client, "deployments")) &&
      isNothing(at(client, "routes"))
    )
      report(
        client.path,
        "may use nothing: it has neither deployments nor routes",
        "Add what it may use, or remove the client.",
      );
}

const isNothing = ({ value }: Loose): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

function checkRevocation(root: Loose, report: Report): void {
  const trust = at(root, "trust");
  if (typeof trust.value !== "object" || trust.value === null) return;
  const mode = at(trust, "revocation", "mode").value ?? "hard";
  const ocsp = at(trust, "revocation", "ocsp", "mode");
  const withOcsp = ocsp.value === "before-crl" || ocsp.value === "after-crl";
  if (mode === "off" && withOcsp)
    report(
      ocsp.path,
      `is \`${ocsp.value}\`, and revocation is \`off\`: nobody would be asked`,
      "Write `off` here too, or `mode: hard` above it.",
    );
  if (mode === "hard" && !withOcsp && isNothing(at(trust, "revocation", "crls")))
    report(
      [...trust.path, "revocation", "crls"],
      "is empty, and revocation is `hard`: every client would be refused",
      "List a CRL of each CA below the anchors, or write `mode: off` if nobody can be revoked.",
    );
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
