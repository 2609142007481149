import { access, constants, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { at, entries, items, text } from "./loose.ts";
import type { Loose } from "./loose.ts";
import type { Report } from "./problem.ts";
import { describeFileError } from "./read-config-file.ts";

/** A key whose text is a path. */
const namesFile = /^(?:file|[a-z]+(?:[A-Z][a-z]+)*File)$/;

/** Every place of a configuration that names a file which must be there. */
function fileNodes(node: Loose): readonly Loose[] {
  // It need not be there yet.
  if (node.path[0] === "ownership" && node.path[1] === "file") return [];
  if (namesFile.test(String(node.path.at(-1))) && (text(node) ?? "") !== "") return [node];
  return [...items(node), ...entries(node).map(([, entry]) => entry)].flatMap(fileNodes);
}

/** The files of a checked configuration, by when their content is read. */
export interface ConfiguredFiles {
  /** With the configuration, once: whatever they configure is made anew when they change. */
  readonly once: readonly string[];
  /** Again and again, by what keeps their content. */
  readonly again: readonly string[];
}

export function configuredFiles(config: unknown): ConfiguredFiles {
  const nodes = fileNodes({ path: [], value: config });
  const isOnce = ({ path }: Loose): boolean =>
    path[0] === "backends" || ["caFile", "passwordFile"].includes(String(path.at(-1)));
  const pathsOf = (some: readonly Loose[]) => [...new Set(some.map((node) => text(node) ?? ""))];
  return {
    once: pathsOf(nodes.filter(isOnce)),
    // The registry is looked at by its own keeper, much more often.
    again: pathsOf(nodes.filter((node) => !isOnce(node) && node.path[0] !== "registry")),
  };
}

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
