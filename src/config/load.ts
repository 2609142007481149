import { dirname, resolve } from "node:path";
import { checkConfig } from "./check.ts";
import { describeIssues } from "./describe-issue.ts";
import { checkFiles, resolveFiles } from "./files.ts";
import { parseYaml, problemAt } from "./parse-yaml.ts";
import type { ConfigPath, Problem } from "./problem.ts";
import { readConfigFile } from "./read-config-file.ts";
import { configSchema } from "./schema.ts";
import type { Config } from "./schema.ts";
import { withoutPrototypes } from "./without-prototypes.ts";

export type ConfigOutcome =
  | { readonly ok: true; readonly config: Config; readonly problems: readonly [] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads, checks and resolves a configuration. Whatever the file or its surroundings hold is an outcome, never a throw:
 * all problems are reported together, in the order of the file. In the loaded configuration every file path is
 * absolute, and the mappings by name have no prototype.
 */
export async function loadConfig(file: string): Promise<ConfigOutcome> {
  const read = await readConfigFile(file);
  if (!read.ok) return { ok: false, problems: [read.problem] };
  const { value, problems: yamlProblems, locate } = parseYaml(read.text);
  if (value === undefined && yamlProblems.length > 0) return failed(yamlProblems);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return failed([
      ...yamlProblems,
      {
        path: "",
        message: value === undefined || value === null ? `${file}: is empty` : `${file}: is not a mapping`,
        hint: "docs/configuration.md has a complete example.",
      },
    ]);

  const problems: Problem[] = [...yamlProblems];
  const report = (path: ConfigPath, message: string, hint: string): void => {
    problems.push(problemAt(locate, path, message, hint));
  };
  resolveFiles(value, file);
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) problems.push(...describeIssues(configSchema, parsed.error.issues, value, locate));
  checkConfig(value, report);
  await checkFiles(value, report);
  if (!parsed.success || problems.length > 0) return failed(problems);
  withoutPrototypes(parsed.data);
  // Unlike the files of `files.ts` it need not be there yet, and it has a default.
  parsed.data.ownership.file = resolve(dirname(resolve(file)), parsed.data.ownership.file);
  return { ok: true, config: parsed.data, problems: [] };
}

const failed = (problems: readonly Problem[]): ConfigOutcome => ({
  ok: false,
  problems: problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)),
});
