import { z } from "zod";
import type { ConfigPath } from "./problem.ts";

/** The schemas of all forms that may stand at a path. */
export function schemasAt(root: z.ZodType, path: ConfigPath): readonly z.ZodType[] {
  let schemas = alternatives(root);
  for (const step of path)
    schemas = schemas.flatMap((schema) => {
      const next = below(schema, step);
      return next === undefined ? [] : alternatives(next);
    });
  return schemas;
}

/** The keys that the schema knows at a path, over all forms that may stand there. */
export const knownKeys = (root: z.ZodType, path: ConfigPath): readonly string[] => [
  ...new Set(
    schemasAt(root, path).flatMap((schema) =>
      schema instanceof z.ZodObject ? Object.keys(schema.shape) : [],
    ),
  ),
];

/** Every key path of the schema: `*` for a name that the operator chooses, `[]` for a list's items. */
export function allKeyPaths(root: z.ZodType, prefix = ""): readonly string[] {
  const paths = alternatives(root).flatMap((schema): readonly string[] => {
    if (schema instanceof z.ZodObject)
      return Object.entries(schema.shape).flatMap(([key, value]) => {
        const here = prefix === "" ? key : `${prefix}.${key}`;
        return isType(value) ? [here, ...allKeyPaths(value, here)] : [here];
      });
    if (schema instanceof z.ZodRecord && isType(schema.valueType))
      return allKeyPaths(schema.valueType, `${prefix}.*`);
    if (schema instanceof z.ZodArray && isType(schema.element))
      return allKeyPaths(schema.element, `${prefix}[]`);
    return [];
  });
  return [...new Set(paths)];
}

/** The schema without its defaults and optional marks; for a union, each of its forms. */
function alternatives(schema: z.ZodType): readonly z.ZodType[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    const inner = schema.unwrap();
    return isType(inner) ? alternatives(inner) : [];
  }
  if (schema instanceof z.ZodUnion)
    return schema.options.flatMap((option) => (isType(option) ? alternatives(option) : []));
  return [schema];
}

function below(schema: z.ZodType, step: string | number): z.ZodType | undefined {
  const next: unknown =
    schema instanceof z.ZodObject && Object.hasOwn(schema.shape, step)
      ? schema.shape[step]
      : schema instanceof z.ZodRecord
        ? schema.valueType
        : schema instanceof z.ZodArray
          ? schema.element
          : undefined;
  return isType(next) ? next : undefined;
}

const isType = (value: unknown): value is z.ZodType => value instanceof z.ZodType;
