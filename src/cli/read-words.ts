import { parseArgs } from "node:util";
import { UsageError } from "./command.ts";

/**
 * Reads `--name value` words.
 * @param names the options that the command takes; each takes one value
 * @throws UsageError for an unknown option, one that stands twice, a missing value, or a word that belongs to none
 */
export function readWords<Name extends string>(
  words: readonly string[],
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  const { values, tokens } = parse(words, options);
  const given = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
  const twice = given.find((name, index) => given.indexOf(name) !== index);
  // Which of the two was meant is not for the command to guess.
  if (twice !== undefined) throw new UsageError(`--${twice} stands twice.`);
  return values as Partial<Record<Name, string>>;
}

function parse(words: readonly string[], options: Record<string, { readonly type: "string" }>) {
  try {
    return parseArgs({ args: [...words], options, strict: true, allowPositionals: false, tokens: true });
  } catch (fault) {
    // parseArgs adds advice about `--` and `=` that fits no command here.
    const [sentence = "unusable words"] = (fault as Error).message.split(/\.?(?: |\n)(?=To |Did |This )/);
    throw new UsageError(`${sentence.replace(/\.$/, "")}.`);
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
