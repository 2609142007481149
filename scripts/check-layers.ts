import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { layerRules } from "./layer-rules.ts";
import { teachVisitorUsing } from "./swc-knows-using.ts";

teachVisitorUsing();

export interface LayerReport {
  /** Files under src that the checker looked into. */
  readonly files: number;
  /** Imports that it judged. */
  readonly imports: number;
  /** Everything that is wrong, one line each; empty when all is well. */
  readonly problems: readonly string[];
}

/**
 * Judges every import under `src` by `layer-rules.ts`. A checker that looks at nothing also finds nothing (without
 * @swc/core, dependency-cruiser reads no TypeScript 7 and prints a tick), so it proves what it saw: the same files
 * as on disk, and every import statement that a plain search finds.
 */
export async function checkLayers(root: string): Promise<LayerReport> {
  const onDisk = globSync("src/**/*.ts", { cwd: root }).map((path) => path.replaceAll("\\", "/"));
  if (onDisk.length === 0) return { files: 0, imports: 0, problems: ["no TypeScript file under src"] };
  const { output } = await cruise(["src"], {
    baseDir: root,
    parser: "swc",
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    doNotFollow: { path: "node_modules" },
    validate: true,
    ruleSet: layerRules,
  });
  if (typeof output === "string") throw new Error("dependency-cruiser answered with text, not with a graph");
  const seen = output.modules.filter((module) => module.source.startsWith("src/"));
  return {
    files: seen.length,
    imports: seen.reduce((sum, module) => sum + module.dependencies.length, 0),
    problems: [...violations(output), ...missedFiles(seen, onDisk), ...missedImports(seen, root)],
  };
}

type Module = ICruiseResult["modules"][number];

function violations({ summary }: ICruiseResult): string[] {
  return summary.violations.map(({ from, to, rule }) => {
    const why = layerRules.forbidden?.find(({ name }) => name === rule.name)?.comment ?? "";
    return `${from} imports ${to}: ${why} (${rule.name})`;
  });
}

function missedFiles(seen: readonly Module[], onDisk: readonly string[]): string[] {
  const names = new Set(seen.map(({ source }) => source));
  return onDisk.filter((path) => !names.has(path)).map((path) => `${path}: the checker never looked at it`);
}

/**
 * `import ... from "x"`, `export ... from "x"` and `import "x"`, at the start of a line as the formatter puts them, and
 * `import("x")` anywhere, in a type too.
 */
const importStatement = /^(?:import|export)\b(?:[^"';]*?\bfrom)?\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

function missedImports(seen: readonly Module[], root: string): string[] {
  return seen.flatMap(({ source, dependencies }) => {
    // dependency-cruiser takes the `node:` off.
    const judged = new Set(dependencies.flatMap(({ module }) => [module, `node:${module}`]));
    return [...readFileSync(join(root, source), "utf8").matchAll(importStatement)]
      .map(([, statement, call]) => statement ?? call ?? "")
      .filter((specifier) => !judged.has(specifier))
      .map((specifier) => `${source}: the checker did not see its import of ${specifier}`);
  });
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const { files, imports, problems } = await checkLayers(root);
  for (const problem of problems) console.error(problem);
  const where = relative(process.cwd(), join(root, "src")) || "src";
  console.log(
    `layers: ${files} files and ${imports} imports under ${where} judged, ${problems.length} problems`,
  );
  if (problems.length > 0) process.exitCode = 1;
}
