import { access, constants, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { at, entries, items, text } from "./loose.ts";
import type { Loose } from "./loose.ts";
import type { Report } from "./problem.ts";
import { describeFileError } from "./read-config-file.ts";

/** Every place of a configuration that names a file. */
const fileNodes = (root: Loose): readonly Loose[] =>
  [
    at(root, "listen", "certificate", "file"),
    at(root, "listen", "certificate", "keyFile"),
    at(root, "registry", "file"),
    at(root, "ownership", "redis", "passwordFile"),
    at(root, "ownership", "redis", "caFile"),
    ...["anchors", "intermediates"].flatMap((list) =>
      items(at(root, "trust", list)).map((item) => at(item, "file")),
    ),
    ...items(at(root, "trust", "revocation", "crls")).map((item) => at(item, "file")),
    ...["keyVaults", "backends"].flatMap((section) =>
      entries(at(root, section)).map(([, entry]) => at(entry, "caFile")),
    ),
    ...entries(at(root, "backends")).flatMap(([, backend]) =>
      ["file", "keyFile"].map((key) => at(backend, "tls", "clientCertificate", key)),
    ),
  ].filter((node) => (text(node) ?? "") !== "");

/** Makes relative paths absolute, in place: they are relative to the configuration's folder, not to the process's. */
export function resolveFiles(value: unknown, configFile: string): void {
  const folder = dirname(resolve(configFile));
  const root: Loose = { path: [], value };
  for (const node of fileNodes(root)) {
    const key = node.path.at(-1) ?? "";
    const parent = at(root, ...node.path.slice(0, -1)).value;
    if (typeof parent === "object" && parent !== null)
      Object.defineProperty(parent, key, {
        value: resolve(folder, text(node) ?? ""),
        enumerable: true,
        writable: true,
        configurable: true,
      });
  }
}

/** Every file that is named exists and can be read by this process. */
export async function checkFiles(value: unknown, report: Report): Promise<void> {
  const nodes = fileNodes({ path: [], value });
  const faults = await Promise.all(nodes.map((node) => fileFault(text(node) ?? "")));
  for (const [index, node] of nodes.entries()) {
    const fault = faults[index];
    if (fault !== undefined)
      report(
        node.path,
        `${text(node) ?? ""} ${fault}`,
        "Relative paths start at the configuration's folder. Check the path and the permissions.",
      );
  }
}

async function fileFault(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return "is not a file";
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    return describeFileError(error);
  }
}
