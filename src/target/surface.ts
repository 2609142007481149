import { isObjectKind, isOwnKind } from "../model/object-kind.ts";
import { operationGroups } from "../model/operation-group.ts";
import type { Feature } from "./features.ts";
import { compileOperations, type OperationMatcher, placeholderIn } from "./match-operation.ts";
import { forms } from "./multipart/forms.ts";
import type { Operation } from "./operation.ts";
import { operations } from "./operations.ts";
import { queryParameters } from "./query-parameters.ts";
import type { Shape } from "./shapes/shape.ts";
import { shapes } from "./shapes/shapes.ts";
import { spellOut } from "./table/surfaces.ts";

/** A row as an operator writes it, with what is left out at its commonest value. Its path is whole. */
export type OperationRow = Pick<Operation, "name" | "group" | "method" | "path"> &
  Partial<Omit<Operation, "answeredBy" | "upgrade">>;

/** All that the gateway understands. */
export interface Surface {
  readonly operations: readonly Operation[];
  readonly matcher: OperationMatcher;
  /** What the operator switched on. */
  readonly allows: ReadonlySet<Feature>;
}

/**
 * The built-in table with the operator's rows.
 * @throws TypeError for rows that `rowProblems` reports
 */
export function compileSurface(rows: readonly OperationRow[] = [], allows: readonly Feature[] = []): Surface {
  const [first] = rowProblems(rows);
  if (first !== undefined) throw new TypeError(`operation ${first.row}: ${first.problem}`);
  const all = [...operations, ...rows.map(complete)];
  return { operations: all, matcher: compileOperations(all), allows: new Set(allows) };
}

/** What is wrong with one of the operator's rows. */
export interface RowProblem {
  /** Its index. */
  readonly row: number;
  readonly problem: string;
}

/** Empty: `compileSurface` takes the rows. */
export function rowProblems(rows: readonly OperationRow[]): readonly RowProblem[] {
  const seen = new Set(operations.map(keyOf));
  const names = new Map(operations.map(({ name, group }) => [name, group]));
  const problems = rows.flatMap((row, at) => {
    const found = problemsOf(row);
    if (seen.has(keyOf(row))) found.push(`${row.method} ${row.path} stands in the table already`);
    seen.add(keyOf(row));
    if (ownRules.has(row.name)) found.push(`the name ${row.name} has rules of its own`);
    // Policy and metrics go by name: one that means two groups would lend the rights of one to the other.
    if ((names.get(row.name) ?? row.group) !== row.group)
      found.push(`the name ${row.name} is of the group ${names.get(row.name)}`);
    names.set(row.name, row.group);
    return found.map((problem) => ({ row: at, problem }));
  });
  return problems.length === 0 ? clashes(rows) : problems;
}

/** One place of a path may hold one kind of name only: the first row that breaks it. */
function clashes(rows: readonly OperationRow[]): readonly RowProblem[] {
  const taken: Operation[] = [...operations];
  for (const [row, written] of rows.entries()) {
    taken.push(complete(written));
    try {
      compileOperations(taken);
    } catch (error) {
      if (error instanceof TypeError) return [{ row, problem: error.message }];
      throw error;
    }
  }
  return [];
}

const complete = (row: OperationRow): Operation => ({
  apiVersion: "optional",
  ...spellOut(row),
  group: row.group,
});

/** What policy grants by name: the list of one's own deployments, and upgrades, whose messages are granted. */
const ownRules: ReadonlySet<string> = new Set(
  operations
    .filter(({ answeredBy, upgrade }) => answeredBy === "gateway" || upgrade !== undefined)
    .map(({ name }) => name),
);

/** Two rows that differ in the kind of a name only would fit the same requests. */
const keyOf = ({ method, path }: Pick<Operation, "method" | "path">): string =>
  `${method} ${path.replaceAll(/\{[^}]*\}/g, "{}")}`;

function problemsOf(row: OperationRow): string[] {
  const problems: string[] = [];
  const { name, path, query = [], deployment = "none", creates, lists, deletes } = row;
  const segments = path.slice(1).split("/");
  const named = segments.map(placeholderIn).filter((what) => what !== undefined);
  const isKnown = (table: object, key: string | undefined) => key === undefined || Object.hasOwn(table, key);
  if (!/^[a-z0-9-]{1,64}$/.test(name)) problems.push("the name must have 1 to 64 of a-z 0-9 -");
  if (!(operationGroups as readonly string[]).includes(row.group)) problems.push("the group is unknown");
  if (!["GET", "POST", "DELETE"].includes(row.method))
    problems.push("the method must be GET, POST or DELETE");
  if (!path.startsWith("/") || !segments.every((segment) => /^(?:[a-z0-9_-]+|\{[a-z_]+\})$/.test(segment)))
    problems.push("the path must have lower-case segments of a-z 0-9 _ - and names like {deployment}");
  if (named.some((what) => what !== "deployment" && !isObjectKind(what)))
    problems.push("the path has a name of an unknown kind");
  if (new Set(named).size !== named.length) problems.push("the path has two names of one kind");
  if ((deployment === "path") !== named.includes("deployment"))
    problems.push('"deployment" must say "path" exactly when the path has {deployment}');
  if (["lines", "frames", "query"].includes(deployment))
    problems.push(`"deployment" cannot be "${deployment}" for a row of your own`);
  if (!query.every((parameter) => isKnown(queryParameters, parameter)))
    problems.push("the query has an unknown parameter");
  // Nobody would hold it to be a deployment's name.
  if (query.some((parameter) => parameter === "model" || parameter === "deployment"))
    problems.push("the query has a parameter that names a deployment");
  if (!isKnown(shapes, row.shape)) problems.push("the shape is unknown");
  if (!isKnown(forms, row.form)) problems.push("the form is unknown");
  if (["body", "optional"].includes(deployment) && !namesModel(row))
    problems.push("no body of this shape or form names a deployment");
  if (
    ![creates, lists, deletes].every((kind) => kind === undefined || (isObjectKind(kind) && isOwnKind(kind)))
  )
    problems.push("creates, lists and deletes take kinds of objects that have an owner");
  return problems;
}

/** Every body that the row takes: where only one of two kinds could name a deployment, the other would need none. */
function namesModel(row: OperationRow): boolean {
  const { body, shape, form } = spellOut(row);
  const inJson = !Object.hasOwn(shapes, shape) || hasModel(shapes[shape]);
  const inForm = !Object.hasOwn(forms, form) || forms[form].model;
  if (body === "either") return inJson && inForm;
  return body === "json" ? inJson : body === "multipart" && inForm;
}

const hasModel = (shape: Shape): boolean => shape.fields?.get("model")?.names === "primary";

/** The built-in table, with nothing switched on. */
export const builtIn: Surface = compileSurface();
