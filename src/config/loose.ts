import type { ConfigPath } from "./problem.ts";

/**
 * A view of a configuration whose shapes may be wrong: the cross checks read through it, so that one wrong type does
 * not hide what else is wrong. Only own properties count: `constructor` is a name like any other.
 */
export interface Loose {
  readonly path: ConfigPath;
  readonly value: unknown;
}

export function at(node: Loose, ...steps: readonly (string | number)[]): Loose {
  let { value } = node;
  for (const step of steps)
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, step)
        ? (value as Readonly<Record<string | number, unknown>>)[step]
        : undefined;
  return { path: [...node.path, ...steps], value };
}

/** The named entries of a mapping; none for anything else. */
export const entries = (node: Loose): readonly (readonly [string, Loose])[] =>
  typeof node.value === "object" && node.value !== null && !Array.isArray(node.value)
    ? Object.keys(node.value).map((name) => [name, at(node, name)] as const)
    : [];

/** The items of a list; none for anything else. */
export const items = (node: Loose): readonly Loose[] =>
  Array.isArray(node.value) ? node.value.map((_, index) => at(node, index)) : [];

/** The text, or undefined for anything else. */
export const text = (node: Loose): string | undefined =>
  typeof node.value === "string" ? node.value : undefined;

/** Absent, or a list without items. */
export const isNothing = ({ value }: Loose): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);
