import { parseArgs } from "node:util";
import { UsageError } from "./command.ts";

/**
 * Reads `--name value` words.
 * @param names the options that the command takes; each takes one value
 * @throws UsageError for an unknown option, a missing value, or a word that belongs to none
 */
export function readWords<Name extends string>(
  words: readonly string[],
  names: readonly Name[],
): Partial<Record<Name, string>> {
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
    return parseArgs({ args: [...words], options, strict: true, allowPositionals: false }).values as Partial<
      Record<Name, string>
    >;
  } catch (fault) {
    // parseArgs adds advice about `--` that fits no command here.
    const [sentence = "unusable words"] = (fault as Error).message.split(". ");
    throw new UsageError(`${sentence}.`);
  }
}

/** @throws UsageError when the option was not given */
export function required<Name extends string>(values: Partial<Record<Name, string>>, name: Name): string {
  const value = values[name];
  if (value === undefined || value === "") throw new UsageError(`--${name} is missing.`);
  return value;
}

/** A TCP port from an option. @throws UsageError */
export function portOf<Name extends string>(
  values: Partial<Record<Name, string>>,
  name: Name,
  fallback: number,
): number {
  const text = values[name];
  if (text === undefined) return fallback;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new UsageError(`--${name} must be a port from 0 to 65535, not "${text}".`);
  return Number(text);
}
