import type { NamedObject } from "../model/object-kind.ts";
import { allow, type Allowed, deny, type Denied, type Verdict } from "../model/verdict.ts";
import { isDeploymentName } from "../model/deployment-name.ts";
import type { Feature } from "./features.ts";
import type { Operation } from "./operation.ts";
import { readQuery } from "./query-parameters.ts";
import { readRequestTarget } from "./request-target.ts";
import type { Surface } from "./surface.ts";

/** What a request's method and target say, when they are canonical and in the table. */
export interface RequestLine {
  readonly operation: Operation;
  /** Where the path or the query names it. */
  readonly deployment?: string;
  /** What path and query name. */
  readonly objects: readonly NamedObject[];
  /** Rebuilt from the parse. */
  readonly path: string;
  /** Rebuilt from the parse, without `?`. */
  readonly query: string;
  /** The query asks for an event stream. */
  readonly stream: boolean;
  readonly allows: ReadonlySet<Feature>;
}

interface Kept {
  readonly method: string;
  readonly reading: Allowed<RequestLine>;
}

/**
 * What was read of targets that come again and again, each with the method that it was good for. Ids of objects and cursors of lists are
 * not among them: those of each request are new.
 */
const keptOf = new WeakMap<Surface, Map<string, Kept>>();
const mostKept = 500;
const longestKept = 512;

/** Denies with `request_malformed` or `operation_unknown`. */
export function readRequestLine(method: string, url: string, surface: Surface): Verdict<RequestLine> {
  let kept = keptOf.get(surface);
  if (kept === undefined) keptOf.set(surface, (kept = new Map<string, Kept>()));
  const known = kept.get(url);
  if (known?.method === method) return known.reading;
  const reading = readAnew(method, url, surface);
  if (reading.allowed && url.length <= longestKept && comesAgain(reading.value)) {
    // All at once: who sends ever new ones must not keep out what really comes again.
    if (kept.size >= mostKept) kept.clear();
    kept.set(url, { method, reading });
  }
  return reading;
}

const comesAgain = ({ operation, objects }: RequestLine): boolean =>
  objects.length === 0 && operation.body !== "none";

function readAnew(method: string, url: string, surface: Surface): Verdict<RequestLine> {
  const reading = readRequestTarget(url);
  if (!reading.ok) return malformed("request-target", reading.rule);
  const match = surface.matcher.match(method, reading.path);
  switch (match.outcome) {
    case "none":
      return unknown("no operation of the table has this path");
    case "method":
      return unknown(`this path takes ${match.methods.join(", ")} only`);
    case "case":
      return malformed("request-target", "the path's fixed segments are lower-case");
    case "bad-deployment":
      return malformed("request-target", "the deployment in the path is not a deployment name");
    case "bad-id":
      return malformed("request-target", `the id of a ${match.kind} in the path is not an object's id`);
    case "match":
      break;
  }
  const { operation, objects } = match;
  const query = readQuery(reading.query, operation.query, operation.apiVersion !== "none");
  if (!query.ok) return malformed("request-target", query.rule);
  if (operation.apiVersion === "required" && !query.values.has("api-version"))
    return malformed("request-target", 'this operation needs the query parameter "api-version"');

  let { deployment } = match;
  if (operation.deployment === "query") {
    deployment = query.values.get("model") ?? query.values.get("deployment");
    if (deployment === undefined || !isDeploymentName(deployment))
      return malformed("request-target", `the query must name a deployment in "${operation.query.join()}"`);
  }
  const run = query.values.get("run_id");
  return allow(
    {
      operation,
      ...(deployment === undefined ? {} : { deployment }),
      objects: run === undefined ? objects : [...objects, { kind: "run" as const, id: run }],
      // Every byte of both was held against the table: this is the spelling that was read, and there is no other.
      path: reading.path,
      query: query.query,
      stream: query.values.get("stream") === "true",
      allows: surface.allows,
    },
    [{ check: "operation", outcome: "pass", detail: `${operation.name}: ${method} ${operation.path}` }],
  );
}

const malformed = (check: string, rule: string): Denied => refuse("request_malformed", check, rule);

export const refuse = (
  code: "request_malformed" | "operation_not_permitted",
  check: string,
  rule: string,
): Denied =>
  deny(code, `${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`, [{ check, outcome: "fail", detail: rule }]);

const unknown = (why: string): Denied =>
  deny("operation_unknown", `${why.charAt(0).toUpperCase()}${why.slice(1)}.`, [
    { check: "operation", outcome: "fail", detail: why },
  ]);
