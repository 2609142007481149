import { readThumbprint } from "../model/thumbprint.ts";
import type { Report } from "./problem.ts";
import { at, entries, items, text } from "./loose.ts";
import type { Loose } from "./loose.ts";
import { formatPath } from "./problem.ts";

/** Each thumbprint is well-formed, of an algorithm that is switched on, and stands once. */
export function checkThumbprints(root: Loose, report: Report): void {
  const allowSha1 = at(root, "identity", "allowSha1Thumbprints").value === true;
  const owners = new Map<string, { readonly client: string; readonly place: string }>();
  for (const [client, entry] of entries(at(root, "clients")))
    for (const node of items(at(entry, "thumbprints"))) {
      const written = text(node);
      if (written === undefined) continue;
      const reading = readThumbprint(written);
      if (!reading.ok) {
        report(
          node.path,
          `is not a thumbprint: ${reading.reason}`,
          "Print it with: openssl x509 -in client.pem -noout -fingerprint -sha256",
        );
        continue;
      }
      const { algorithm, hex } = reading.thumbprint;
      if (algorithm === "sha1" && !allowSha1)
        report(
          node.path,
          "is a SHA-1 thumbprint, and SHA-1 thumbprints are switched off",
          "Use the SHA-256 thumbprint; or write `identity: { allowSha1Thumbprints: true }` and accept that SHA-1 collides.",
        );
      const owner = owners.get(hex);
      if (owner === undefined) owners.set(hex, { client, place: formatPath(node.path) });
      else
        report(
          node.path,
          owner.client === client
            ? `stands twice on this client (also ${owner.place})`
            : `stands on another client too (${owner.place})`,
          owner.client === client
            ? "Remove one of the two."
            : "A certificate is one client: remove it from one of the two.",
        );
    }
}
