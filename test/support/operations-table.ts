import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** A file: each operation under load appends its row (`noteOperation`). */
    operationsTable: string;
  }
}

const header = [
  "operation",
  "requests",
  "failed, should have passed",
  "passed, should have failed",
  "refused for another reason",
  "longest gap, ms",
  "cut streams",
  "latest start, ms",
];

/** Gathers what the tests of operations counted, each in its own process, and prints it as one table at the end. */
export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), "certgate-operations-"));
  const file = join(folder, "table");
  writeFileSync(file, "");
  project.provide("operationsTable", file);
  return () => {
    const rows = readFileSync(file, "utf8");
    rmSync(folder, { recursive: true });
    if (rows === "") return;
    const rule = header.map((_, index) => (index === 0 ? "---" : "---:"));
    console.log(`\n| ${header.join(" | ")} |\n| ${rule.join(" | ")} |\n${rows}`);
  };
}
