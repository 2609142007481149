import type { ClientRecord } from "../config/read-clients.ts";
import type { Problem } from "../config/problem.ts";
import { splitList } from "./client-words.ts";

/** What an import file holds; where it cannot be read as such, the problems. */
export interface ImportFile {
  readonly records: readonly ClientRecord[];
  readonly problems: readonly Problem[];
}

const lists: ReadonlySet<string> = new Set([
  "thumbprints",
  "deployments",
  "routes",
  "roles",
  "operations",
  "apiVersions",
  "sourceNetworks",
]);
const rulePart = /^match\.(?:san(?:Uri|Dns|Email|Ip)|spkiSha256|(?:subject|issuer)\.[A-Za-z0-9]+)$/;

/** RFC 4180, with the names of the columns in the first line. Lists are separated by semicolons. */
export function readCsv(text: string): ImportFile {
  const { rows, problems } = splitCsv(text.replace(/^\ufeff/, ""));
  const [header, ...body] = rows;
  if (header === undefined) return { records: [], problems: [...problems, at(1, "the file is empty")] };
  const strangers = header.cells.filter(
    (column) => column !== "name" && !lists.has(column) && !rulePart.test(column),
  );
  if (!header.cells.includes("name")) problems.push(at(1, "there is no column called name"));
  if (new Set(header.cells).size !== header.cells.length) problems.push(at(1, "a column stands twice"));
  for (const column of strangers) problems.push(at(1, `the column ${JSON.stringify(column)} is not known`));
  const records: ClientRecord[] = [];
  for (const { line, cells } of body) {
    if (cells.length !== header.cells.length) {
      problems.push(at(line, `has ${cells.length} columns, and the first line has ${header.cells.length}`));
      continue;
    }
    const value: Record<string, unknown> = {};
    for (const [index, column] of header.cells.entries()) {
      const cell = cells[index] ?? "";
      if (column === "name" || cell === "") continue;
      if (lists.has(column)) value[column] = splitList(cell, ";");
      else if (rulePart.test(column)) setRulePart(value, column.split(".").slice(1), cell);
    }
    records.push({ name: cells[header.cells.indexOf("name")], value, line });
  }
  return { records, problems };
}

/** A list of clients as the configuration has them, each with its `name`; or one such object a line. */
export function readJson(text: string): ImportFile {
  const records: ClientRecord[] = [];
  const problems: Problem[] = [];
  for (const { line, source } of splitJson(text.replace(/^\ufeff/, ""))) {
    let value: unknown;
    try {
      value = JSON.parse(source);
    } catch (fault) {
      problems.push(at(line, `is no JSON: ${(fault as Error).message}`));
      continue;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value))
      problems.push(at(line, "is no object with a name"));
    else {
      const { name, ...rest } = value as Record<string, unknown>;
      records.push({ name, value: rest, line });
    }
  }
  if (records.length === 0 && problems.length === 0) problems.push(at(1, "the file holds no client"));
  return { records, problems };
}

function setRulePart(value: Record<string, unknown>, path: readonly string[], cell: string): void {
  const rule = ((value["match"] as [Record<string, unknown>] | undefined) ?? [{}])[0];
  const [key = "", inner] = path;
  rule[key] = inner === undefined ? cell : { ...(rule[key] as object | undefined), [inner]: cell };
  value["match"] = [rule];
}

function splitCsv(text: string): {
  readonly rows: readonly { readonly line: number; readonly cells: readonly string[] }[];
  readonly problems: Problem[];
} {
  const rows: { line: number; cells: string[] }[] = [];
  const problems: Problem[] = [];
  let line = 1;
  let cells: string[] = [];
  let startLine = 1;
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  while (cell.lastIndex < text.length) {
    const from = cell.lastIndex;
    const match = cell.exec(text);
    if (match === null) {
      problems.push(at(line, "has a quotation mark out of place"));
      break;
    }
    const [all, quoted, bare = "", end] = match;
    cells.push(quoted === undefined ? bare.trim() : quoted.replaceAll('""', '"'));
    line += all.split("\n").length - 1;
    if (end !== ",") {
      if (cells.length > 1 || cells[0] !== "") rows.push({ line: startLine, cells });
      cells = [];
      startLine = line;
    } else if (cell.lastIndex === text.length) cells.push("");
    if (cell.lastIndex === from) break;
  }
  if (cells.length > 0) rows.push({ line: startLine, cells });
  return { rows, problems };
}

/** The values of the outermost list, or of a sequence of values, each with the line on which it starts. */
function* splitJson(text: string): Generator<{ readonly line: number; readonly source: string }> {
  const token = /"(?:[^"\\]|\\[^])*"|[[\]{},\n]|[^[\]{},\n"]+|"/g;
  const trimmed = text.trimStart();
  const inList = trimmed.startsWith("[");
  const base = inList ? 1 : 0;
  let [line, depth, start, startLine] = [1, 0, -1, 1];
  for (const { 0: piece, index } of text.matchAll(token)) {
    if (start === -1 && depth >= base && /[^\s,\]]/.test(piece)) [start, startLine] = [index, line];
    if (piece === "{" || piece === "[") depth += 1;
    if (piece === "}" || piece === "]") depth -= 1;
    // A value ends with its bracket, or with whatever comes after it.
    const closes = start !== -1 && depth === base && (piece === "}" || piece === "]");
    const ends =
      start !== -1 && (depth < base || (depth === base && (piece === "," || (!inList && piece === "\n"))));
    if (closes || ends) {
      yield { line: startLine, source: text.slice(start, closes ? index + 1 : index) };
      start = -1;
    }
    line += piece.split("\n").length - 1;
  }
  if (start !== -1) yield { line: startLine, source: text.slice(start) };
}

const at = (line: number, message: string): Problem => ({
  path: "",
  message,
  hint: "docs/clients.md shows both forms of an import.",
  line,
});
