import type { Target } from "../model/target.ts";
import { allow, deny } from "../model/verdict.ts";
import type { Denied, Verdict } from "../model/verdict.ts";
import { brokenHeaderRule } from "./head-headers.ts";
import { compileOperations } from "./match-operation.ts";
import { operations } from "./operations.ts";
import type { Operation } from "./operations.ts";
import { readRequestTarget } from "./request-target.ts";

/** A request's head as Node's parser gave it: foreign text. */
export interface RawHead {
  readonly method: string;
  /** `req.url`. */
  readonly url: string;
  /** `req.rawHeaders`: name, value, name, value ... */
  readonly headers: readonly string[];
}

/** A head that is canonical and in the table. Not yet a target: the body may still have to name the deployment. */
export interface RequestHead {
  readonly operation: Operation;
  /** Where the path names it. */
  readonly deployment?: string;
  /** Rebuilt from the table and the parse. */
  readonly path: string;
  /** Rebuilt from the parse, without `?`. */
  readonly query: string;
  /** `json`: read the body and call `parseBody`. `none`: the body is proved empty; call `targetOf`. */
  readonly body: "json" | "none";
}

const matcher = compileOperations(operations);

/**
 * Reads the head of a request, before any of its body is read.
 * Denies with `request_malformed` (not in the one accepted spelling; the detail says which rule) or `operation_unknown`.
 */
export function parseHead({ method, url, headers }: RawHead): Verdict<RequestHead> {
  const reading = readRequestTarget(url);
  if (!reading.ok) return malformed("request-target", reading.rule);
  const match = matcher.match(method, reading.path);
  switch (match.outcome) {
    case "none":
      return unknown("no operation of the table has this path");
    case "method":
      return unknown(`this path takes ${match.methods.join(", ")} only`);
    case "case":
      return malformed("request-target", "the path's fixed segments are lower-case");
    case "bad-deployment":
      return malformed("request-target", "the deployment in the path is not a deployment name");
    case "match":
      break;
  }
  const { operation, deployment } = match;
  const { apiVersion } = reading;
  if (apiVersion === undefined && operation.apiVersion === "required")
    return malformed("request-target", 'this operation needs the query parameter "api-version"');
  const rule = brokenHeaderRule(headers, operation.body);
  if (rule !== undefined) return malformed("headers", rule);
  return allow(
    {
      operation,
      ...(deployment === undefined ? {} : { deployment }),
      path:
        deployment === undefined ? operation.path : operation.path.replace("{deployment}", () => deployment),
      query: apiVersion === undefined ? "" : `api-version=${apiVersion}`,
      body: operation.body,
    },
    [{ check: "operation", outcome: "pass", detail: `${operation.name}: ${method} ${operation.path}` }],
  );
}

/**
 * The target of an operation without a body.
 * @throws TypeError for an operation whose body was not parsed: that request must not get a target from here.
 */
export function targetOf(head: RequestHead): Target {
  if (head.body !== "none") throw new TypeError(`${head.operation.name}: its body must be parsed first`);
  return {
    operation: head.operation.name,
    deployments: head.deployment === undefined ? [] : [head.deployment],
    path: head.path,
    query: head.query,
    stream: false,
  };
}

const malformed = (check: string, rule: string): Denied =>
  deny("request_malformed", `${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`, [
    { check, outcome: "fail", detail: rule },
  ]);

const unknown = (why: string): Denied =>
  deny("operation_unknown", `${why.charAt(0).toUpperCase()}${why.slice(1)}.`, [
    { check: "operation", outcome: "fail", detail: why },
  ]);
