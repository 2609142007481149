import { isDeploymentName } from "../model/deployment-name.ts";
import { isObjectId, type NamedObject, type ObjectKind } from "../model/object-kind.ts";
import type { Operation } from "./operation.ts";

export type OperationMatch =
  | {
      readonly outcome: "match";
      readonly operation: Operation;
      readonly deployment: string | undefined;
      readonly objects: readonly NamedObject[];
    }
  /** The path is in the table; it takes these methods. */
  | { readonly outcome: "method"; readonly methods: readonly string[] }
  | { readonly outcome: "bad-deployment" }
  | { readonly outcome: "bad-id"; readonly kind: ObjectKind }
  /** Some row differs from the path in the case of its fixed segments only. */
  | { readonly outcome: "case" }
  | { readonly outcome: "none" };

export interface OperationMatcher {
  match(method: string, path: string): OperationMatch;
}

/** One segment's place in the tree of paths. */
interface Branch {
  readonly fixed: Map<string, Branch>;
  /** The one kind of name that may stand here. A fixed segment goes first: no name is spelt like it. */
  named?: { readonly what: "deployment" | ObjectKind; readonly branch: Branch };
  readonly rows: Operation[];
}

const branch = (): Branch => ({ fixed: new Map(), rows: [] });

/** The name in a segment like `{deployment}`, or undefined for a fixed segment. */
export const placeholderIn = (segment: string): string | undefined =>
  segment.startsWith("{") && segment.endsWith("}") ? segment.slice(1, -1) : undefined;

interface Found {
  readonly rows: readonly Operation[];
  readonly names: readonly { readonly what: "deployment" | ObjectKind; readonly text: string }[];
}

const nothing: Found = { rows: [], names: [] };

/** Compiles a table. Fixed paths are one look-up; others go segment by segment. */
export function compileOperations(table: readonly Operation[]): OperationMatcher {
  const whole = new Map<string, Found>();
  const root = branch();
  for (const operation of table) {
    const { path } = operation;
    if (!path.includes("{")) {
      whole.set(path, { rows: [...(whole.get(path)?.rows ?? []), operation], names: [] });
      continue;
    }
    let at = root;
    for (const segment of path.slice(1).split("/")) at = grow(at, segment, path);
    at.rows.push(operation);
  }

  const find = (path: string): Found => {
    const fixed = whole.get(path);
    if (fixed !== undefined) return fixed;
    let at = root;
    const names: { what: "deployment" | ObjectKind; text: string }[] = [];
    // Without `split`: this is on every request's way.
    for (let from = 1; from <= path.length;) {
      const slash = path.indexOf("/", from);
      const end = slash === -1 ? path.length : slash;
      const segment = path.slice(from, end);
      from = end + 1;
      const next = at.fixed.get(segment);
      if (next !== undefined) at = next;
      else if (at.named === undefined) return nothing;
      else {
        names.push({ what: at.named.what, text: segment });
        at = at.named.branch;
      }
    }
    return { rows: at.rows, names };
  };

  return {
    match(method, path) {
      const { rows, names } = find(path);
      if (rows.length === 0) return { outcome: find(path.toLowerCase()).rows.length > 0 ? "case" : "none" };
      const operation = rows.find((row) => row.method === method);
      if (operation === undefined) return { outcome: "method", methods: rows.map((row) => row.method) };
      let deployment: string | undefined;
      const objects: NamedObject[] = [];
      for (const { what, text } of names)
        if (what === "deployment") {
          if (!isDeploymentName(text)) return { outcome: "bad-deployment" };
          deployment = text;
        } else {
          if (!isObjectId(text)) return { outcome: "bad-id", kind: what };
          objects.push({ kind: what, id: text });
        }
      return { outcome: "match", operation, deployment, objects };
    },
  };
}

/** @throws TypeError when two rows put different names into the same place: the path would not say which it is. */
function grow(at: Branch, segment: string, path: string): Branch {
  const what = placeholderIn(segment) as "deployment" | ObjectKind | undefined;
  if (what !== undefined) {
    at.named ??= { what, branch: branch() };
    if (at.named.what !== what)
      throw new TypeError(`${path}: {${what}} stands where {${at.named.what}} does`);
    return at.named.branch;
  }
  const next = at.fixed.get(segment) ?? branch();
  at.fixed.set(segment, next);
  return next;
}
