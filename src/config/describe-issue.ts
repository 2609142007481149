import { z } from "zod";
import { problemAt } from "./parse-yaml.ts";
import type { Locate } from "./parse-yaml.ts";
import type { ConfigPath, Problem } from "./problem.ts";
import { knownKeys, schemasAt } from "./schema-keys.ts";
import { suggestHint } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

const kinds: Readonly<Record<string, string>> = {
  object: "a mapping (key: value)",
  record: "a mapping (name: ...)",
  array: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** The schema's issues as sentences for an operator, with the place in the file. */
export function describeIssues(
  schema: z.ZodType,
  issues: readonly Issue[],
  value: unknown,
  locate: Locate,
): readonly Problem[] {
  const describe = (issue: Issue, base: ConfigPath): readonly Problem[] => {
    const path: ConfigPath = [...base, ...issue.path.map(step)];
    const problem = (message: string, hint: string, at: ConfigPath = path): Problem =>
      problemAt(locate, at, message, hint);
    switch (issue.code) {
      case "unrecognized_keys": {
        const { known, typesWith } = keysHere(schema, path, valueAt(value, path));
        return issue.keys.map((key) =>
          problem(
            "is not a key that is known here",
            typesWith(key) ?? suggestHint(key, known, "Remove it."),
            [...path, key],
          ),
        );
      }
      case "invalid_union":
        if (issue.errors.length === 0) return [describeKind(schema, path, valueAt(value, path), problem)];
        // A union's own sentence stands before those of its forms, which would quote what was written.
        if (issue.message !== "Invalid input") return [problem(issue.message, formsHint(schema, path))];
        return nearest(issue.errors, knownKeys(schema, path)).flatMap((inner) =>
          describe(inner, path).map((found) => ({
            ...found,
            hint: `${found.hint} ${formsHint(schema, path)}`.trim(),
          })),
        );
      case "invalid_key":
        return [
          problem(
            "is not a name",
            "A name has 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit; a deployment's does not end with a dot.",
          ),
        ];
      case "invalid_type": {
        const expected = kinds[issue.expected] ?? issue.expected;
        const found = valueAt(value, path);
        if (found === undefined) return [problem("is missing", `Add it: ${expected}.`)];
        if (found === null) return [problem("is empty", `Give it ${expected}, or leave the key out.`)];
        return [
          problem(
            `must be ${expected}, not ${kindOf(found)}`,
            issue.expected === "string" && typeof found !== "object"
              ? "Put the value in quotes."
              : `Write ${expected}.`,
          ),
        ];
      }
      case "invalid_value": {
        const allowed = issue.values.map(String);
        const found = valueAt(value, path);
        if (found === undefined) return [problem("is missing", `Add it: ${allowed.join(" or ")}.`)];
        return [
          problem(
            `must be ${allowed.map((text) => `"${text}"`).join(" or ")}`,
            suggestHint(typeof found === "string" ? found : "", allowed, ""),
          ),
        ];
      }
      case "too_small":
        return [
          issue.origin === "number" || issue.origin === "int"
            ? problem(
                `must be ${issue.inclusive === true ? "at least" : "more than"} ${issue.minimum}`,
                "Use a larger number.",
              )
            : problem("must not be empty", "Give it at least one entry or character."),
        ];
      case "too_big":
        return [problem(`must be at most ${issue.maximum}`, "Use a smaller value.")];
      case "invalid_format":
      case "custom":
        return [problem(issue.message, "Correct the value.")];
      case "not_multiple_of":
      case "invalid_element":
        return [problem(issue.message, "Correct the value.")];
    }
  };
  return issues.flatMap((issue) => describe(issue, []));
}

/** A union of which one key says which form it is, and that key says none of them. */
function describeKind(
  root: z.ZodType,
  path: ConfigPath,
  found: unknown,
  problem: (message: string, hint: string) => Problem,
): Problem {
  const known = schemasAt(root, path).flatMap((schema) =>
    schema instanceof z.ZodLiteral ? [...schema.values].map(String) : [],
  );
  if (found === undefined) return problem("is missing", `Add it: ${known.join(", ")}.`);
  return problem("is none of the known ones", suggestHint(typeof found === "string" ? found : "", known, ""));
}

/** The keys of the form that a value's `type` says, and which other types know a key. */
function keysHere(root: z.ZodType, path: ConfigPath, value: unknown) {
  const forms = schemasAt(root, path).flatMap((schema) =>
    schema instanceof z.ZodObject
      ? [{ keys: Object.keys(schema.shape), types: literalsOf(schema.shape["type"]) }]
      : [],
  );
  const type: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "type") : undefined;
  const own = forms.filter(({ types }) => types.includes(type));
  return {
    known: [...new Set((own.length > 0 ? own : forms).flatMap(({ keys }) => keys))],
    typesWith: (key: string): string | undefined => {
      const types =
        own.length === 0 ? [] : forms.filter(({ keys }) => keys.includes(key)).flatMap((form) => form.types);
      return types.length === 0 ? undefined : `It belongs to type ${types.join(", ")}.`;
    },
  };
}

const literalsOf = (schema: unknown): readonly unknown[] =>
  schema instanceof z.ZodLiteral ? [...schema.values] : [];

/** Of a union's forms the one that the value was meant to be: a key that only another form knows speaks against it. */
function nearest(forms: readonly (readonly Issue[])[], known: readonly string[]): readonly Issue[] {
  const distance = (form: readonly Issue[]): number =>
    form.reduce(
      (sum, issue) =>
        sum +
        (issue.code === "unrecognized_keys"
          ? 1 + 2 * issue.keys.filter((key) => known.includes(key)).length
          : 1),
      0,
    );
  return forms.toSorted((a, b) => distance(a) - distance(b))[0] ?? [];
}

function formsHint(root: z.ZodType, path: ConfigPath): string {
  const forms = schemasAt(root, path).flatMap((schema) =>
    schema instanceof z.ZodObject ? [`{ ${Object.keys(schema.shape).join(", ")} }`] : [],
  );
  return forms.length > 1 ? `One of the forms ${forms.join(" or ")}.` : "";
}

const step = (key: PropertyKey): string | number => (typeof key === "number" ? key : String(key));

function valueAt(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[part];
  }
  return value;
}

const kindOf = (value: unknown): string =>
  Array.isArray(value)
    ? "a list"
    : typeof value === "object"
      ? "a mapping"
      : `the ${typeof value} ${JSON.stringify(value)}`;
