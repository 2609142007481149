import { isDeploymentName } from "../model/deployment-name.ts";
import type { Operation } from "./operations.ts";

export type OperationMatch =
  | { readonly outcome: "match"; readonly operation: Operation; readonly deployment: string | undefined }
  /** The path is in the table; it takes these methods. */
  | { readonly outcome: "method"; readonly methods: readonly string[] }
  | { readonly outcome: "bad-deployment" }
  /** Some row differs from the path in the case of its fixed segments only. */
  | { readonly outcome: "case" }
  | { readonly outcome: "none" };

interface CompiledRow {
  readonly operation: Operation;
  readonly before: string;
  /** What follows the deployment; undefined when the path holds none and `before` is all of it. */
  readonly after: string | undefined;
}

export interface OperationMatcher {
  match(method: string, path: string): OperationMatch;
}

const placeholder = "{deployment}";

/** Compiles a table. Fixed paths are one look-up; the others are compared by what stands before and after the name. */
export function compileOperations(table: readonly Operation[]): OperationMatcher {
  const fixed = new Map<string, Operation[]>();
  const patterns: CompiledRow[] = [];
  for (const operation of table) {
    const [before = "", after] = operation.path.split(placeholder);
    if (after === undefined) fixed.set(before, [...(fixed.get(before) ?? []), operation]);
    else patterns.push({ operation, before, after });
  }

  const find = (path: string): { rows: readonly Operation[]; deployment: string | undefined } => {
    const rows = fixed.get(path);
    if (rows !== undefined) return { rows, deployment: undefined };
    const found = patterns.filter(
      ({ before, after = "" }) =>
        path.length > before.length + after.length &&
        path.startsWith(before) &&
        path.endsWith(after) &&
        !path.slice(before.length, path.length - after.length).includes("/"),
    );
    const [first] = found;
    return first === undefined
      ? { rows: [], deployment: undefined }
      : {
          rows: found.map(({ operation }) => operation),
          deployment: path.slice(first.before.length, path.length - (first.after ?? "").length),
        };
  };

  return {
    match(method, path) {
      const { rows, deployment } = find(path);
      if (rows.length === 0) return { outcome: find(path.toLowerCase()).rows.length > 0 ? "case" : "none" };
      const operation = rows.find((row) => row.method === method);
      if (operation === undefined) return { outcome: "method", methods: rows.map((row) => row.method) };
      if (deployment !== undefined && !isDeploymentName(deployment)) return { outcome: "bad-deployment" };
      return { outcome: "match", operation, deployment };
    },
  };
}
