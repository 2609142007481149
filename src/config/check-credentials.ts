import { tokenCredentialTypes } from "./credential-schema.ts";
import { at, entries, type Loose, text } from "./loose.ts";
import type { Report } from "./problem.ts";

/** The places of a credential that may point to a Key Vault. */
const sources = ["secret", "certificate", "primary", "secondary"] as const;

/** What credentials and Key Vaults say about each other. */
export function checkCredentials(root: Loose, report: Report): void {
  for (const [, vault] of entries(at(root, "keyVaults"))) checkOpener(root, at(vault, "credential"), report);
  for (const [name, credential] of entries(at(root, "credentials")))
    for (const key of sources) checkCircle(root, name, at(credential, key, "keyVault"), report);
}

/** The Key Vaults that credentials name. */
export const vaultReferences = (root: Loose): readonly Loose[] =>
  entries(at(root, "credentials")).flatMap(([, credential]) => [
    ...[...sources, "key"].map((key) => at(credential, key)),
    ...entries(at(credential, "keys")).map(([, source]) => source),
  ]);

function checkOpener(root: Loose, opener: Loose, report: Report): void {
  const name = text(opener);
  if (name === undefined) return;
  const type = text(at(root, "credentials", name, "type"));
  if (type === undefined || (tokenCredentialTypes as readonly string[]).includes(type)) return;
  // Told by the checks of AWS.
  if (type.startsWith("aws")) return;
  report(
    opener.path,
    `names ${JSON.stringify(name)}, which is of type ${type} and gives no tokens; a Key Vault takes nothing else`,
    `Name a credential of type ${tokenCredentialTypes.join(", ")}.`,
  );
}

/** A credential whose secret is in a vault that, in the end, is opened with that same credential: nobody could begin. */
function checkCircle(root: Loose, name: string, start: Loose, report: Report): void {
  const seen = new Set<string>();
  const way: string[] = [];
  const open = (vault: string | undefined): boolean => {
    if (vault === undefined || seen.has(vault)) return false;
    seen.add(vault);
    const opener = text(at(root, "keyVaults", vault, "credential"));
    if (opener === undefined) return false;
    way.push(`${vault} is opened with ${opener}`);
    if (opener === name) return true;
    const next = sources.map((key) => text(at(root, "credentials", opener, key, "keyVault")));
    if (next.some(open)) return true;
    way.pop();
    return false;
  };
  if (open(text(start)))
    report(
      start.path,
      `needs itself: ${way.join(", ")}`,
      "Open that vault with a credential that needs no secret, such as a managed identity.",
    );
}
