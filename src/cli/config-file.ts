import { loadConfig } from "../config/load.ts";
import { formatProblems } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";

/** Loads a configuration; where something is wrong with it, prints every problem and gives undefined. */
export async function readConfigOrComplain(file: string): Promise<Config | undefined> {
  const outcome = await loadConfig(file);
  if (outcome.ok) return outcome.config;
  const count = outcome.problems.length;
  process.stderr.write(
    `${formatProblems(outcome.problems)}\n\n${file}: ${count} problem${count === 1 ? "" : "s"}\n`,
  );
  return undefined;
}
