import type { Operation } from "../../../src/target/operation.ts";

const code = (text: string): string => `\`${text}\``;

const places: Readonly<Record<Operation["deployment"], string>> = {
  path: "path",
  body: "`model`",
  optional: "`model`, if given",
  query: "query",
  lines: "each line of a batch's file",
  frames: "each message",
  none: "-",
};

/** One row of `docs/operations.md`. */
export function rowOf(row: Operation): string {
  const {
    name,
    method,
    path,
    apiVersion,
    query,
    deployment,
    body,
    streams,
    creates,
    storage,
    lists,
    deletes,
  } = row;
  const model =
    body === "multipart" && (deployment === "body" || deployment === "optional")
      ? "part `model`"
      : places[deployment];
  const made =
    creates === undefined
      ? []
      : [
          `makes a ${code(creates)}${storage === undefined ? "" : storage === "opt-in" ? ' with `"store": true`' : ' unless `"store": false`'}`,
        ];
  const notes = [
    ...made,
    ...(lists === undefined ? [] : [`lists every ${code(lists)}`]),
    ...(deletes === undefined ? [] : [`ends the ${code(deletes)}`]),
    ...{ never: [], always: ["streams"], "body.stream": ["may stream"], "query.stream": ["may stream"] }[
      streams
    ],
    ...(row.retryable ? ["may be retried"] : []),
    ...(row.upgrade === undefined ? [] : ["WebSocket"]),
    ...(row.answeredBy === "gateway" ? ["answered by Certgate"] : []),
  ];
  const parameters = [
    ...{ required: ["`api-version` (needed)"], optional: ["`api-version`"], none: [] }[apiVersion],
    ...query.map((parameter) => code(parameter === "include%5B%5D" ? "include[]" : parameter)),
  ];
  return `| ${[
    code(`${method} ${path}`),
    code(name),
    model,
    body === "none" ? "-" : body === "either" ? "JSON or form" : body === "json" ? "JSON" : "form",
    parameters.length === 0 ? "-" : parameters.join(" "),
    notes.length === 0 ? "-" : notes.join(", "),
  ].join(" | ")} |`;
}

export const heading =
  "| request | operation | deployment | body | query | notes |\n| --- | --- | --- | --- | --- | --- |";
