import { rowProblems } from "../target/surface.ts";
import { at, items, type Loose } from "./loose.ts";
import { operationRow } from "./operations-schema.ts";
import type { Report } from "./problem.ts";

/** The operator's own operations must fit into the built-in table, and mean one thing each. */
export function checkOperations(root: Loose, report: Report): void {
  const written = items(at(root, "operations"));
  const rows = written.flatMap(({ path, value }) => {
    // What has another shape than a row is reported as such.
    const { data } = operationRow.safeParse(value);
    return data === undefined ? [] : [{ path, data }];
  });
  for (const { row, problem } of rowProblems(rows.map(({ data }) => data)))
    report(
      rows[row]?.path ?? at(root, "operations").path,
      problem,
      "docs/operations.md tells what a row may be.",
    );
}
