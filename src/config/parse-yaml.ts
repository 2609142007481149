import { Alias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Document } from "yaml";
import { formatPath } from "./problem.ts";
import type { ConfigPath, Problem } from "./problem.ts";

/** Where the key or the list item of a path stands; for a key that is missing, where its parent stands. */
export type Locate = (path: ConfigPath) => { readonly line?: number; readonly column?: number };

export interface ParsedYaml {
  /** Undefined where the problems are such that nothing can be said about the rest. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  readonly locate: Locate;
}

const hints: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "Keep one of the two: which one would count is not for the gateway to guess.",
  MULTIPLE_DOCS: "Keep one document; remove the line `---`.",
  TAB_AS_INDENT: "Indent with spaces.",
};

/** Parses YAML 1.2. Syntax errors, duplicate keys, unknown tags and `__proto__` keys are problems with their line. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true, prettyErrors: false });
  const at = (offset: number | undefined) => {
    if (offset === undefined) return {};
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems: Problem[] = [...document.errors, ...document.warnings].map(({ code, message, pos }) => ({
    path: "",
    message: code === "DUPLICATE_KEY" ? "a key stands twice in one mapping" : `not valid YAML: ${message}`,
    hint: hints[code] ?? "Correct the YAML here; quote a value that holds : # [ ] { } & * ! or %.",
    ...at(pos[0]),
  }));
  visit(document, {
    Pair(_, { key }) {
      // The schema's records would drop such a key without a word.
      if (isScalar(key) && key.value === "__proto__")
        problems.push({
          path: "",
          message: "`__proto__` is not a name",
          hint: "Choose another name.",
          ...at(key.range?.[0]),
        });
    },
  });
  const locate: Locate = (path) => at(offsetOf(document, path));
  // With a syntax error the rest of the file is not what its author sees: one wrong bracket would bring ten
  // problems that are none. A duplicate key leaves the rest as it is.
  if (document.errors.some(({ code }) => code !== "DUPLICATE_KEY"))
    return { value: undefined, problems, locate };
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), problems, locate };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    problems.push({
      path: "",
      message: `not valid YAML: ${message}`,
      hint: "Check the anchors (&name) and aliases (*name).",
    });
    return { value: undefined, problems, locate };
  }
}

function offsetOf(document: Document.Parsed, path: ConfigPath): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    if (node instanceof Alias) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      const item: unknown = node.items[step];
      if (!hasRange(item)) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return offset;
}

const hasRange = (node: unknown): node is { readonly range?: readonly [number, number, number] | null } =>
  typeof node === "object" && node !== null;

/** A problem at a path, with its line. */
export const problemAt = (locate: Locate, path: ConfigPath, message: string, hint: string): Problem => ({
  path: formatPath(path),
  message,
  hint,
  ...locate(path),
});
