import type { NamedObject } from "../model/object-kind.ts";
import type { Target } from "../model/target.ts";
import { allow, deny } from "../model/verdict.ts";
import type { Denied, Verdict } from "../model/verdict.ts";
import { isDeploymentName } from "../model/deployment-name.ts";
import type { Feature } from "./features.ts";
import { imageHeader, readHeaders } from "./head-headers.ts";
import type { Operation } from "./operation.ts";
import { readQuery } from "./query-parameters.ts";
import { readRequestTarget } from "./request-target.ts";
import { builtIn, type Surface } from "./surface.ts";

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
  /** Where the path or the query names it. */
  readonly deployment?: string;
  /** A second one that the head names: it draws images. */
  readonly imageDeployment?: string;
  /** What path and query name. */
  readonly objects: readonly NamedObject[];
  /** Rebuilt from the parse. */
  readonly path: string;
  /** Rebuilt from the parse, without `?`. */
  readonly query: string;
  /** `json`: read the body and call `parseBody`. `multipart`: `startMultipart`. `none`: proved empty; `targetOf`. */
  readonly body: "json" | "multipart" | "none";
  /** Of a multipart body. */
  readonly boundary?: string;
  /** The query asks for an event stream. */
  readonly stream: boolean;
  readonly allows: ReadonlySet<Feature>;
}

/**
 * Reads the head of a request, before any of its body is read.
 * Denies with `request_malformed` (not in the one accepted spelling; the detail says which rule), `operation_unknown`, or
 * `operation_not_permitted` for what another site's page has a browser send.
 */
export function parseHead(
  { method, url, headers }: RawHead,
  surface: Surface = builtIn,
): Verdict<RequestHead> {
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
  const { operation } = match;
  const query = readQuery(reading.query, operation.query, operation.apiVersion !== "none");
  if (!query.ok) return malformed("request-target", query.rule);
  if (operation.apiVersion === "required" && !query.values.has("api-version"))
    return malformed("request-target", 'this operation needs the query parameter "api-version"');
  const head = readHeaders(headers, operation);
  if (!head.ok) return refuse(head.code ?? "request_malformed", "headers", head.rule);

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
      ...(head.imageDeployment === undefined ? {} : { imageDeployment: head.imageDeployment }),
      objects: run === undefined ? match.objects : [...match.objects, { kind: "run" as const, id: run }],
      // Every byte of both was held against the table: this is the spelling that was read, and there is no other.
      path: reading.path,
      query: query.query,
      body: head.body,
      ...(head.boundary === undefined ? {} : { boundary: head.boundary }),
      stream: query.values.get("stream") === "true",
      allows: surface.allows,
    },
    [{ check: "operation", outcome: "pass", detail: `${operation.name}: ${method} ${operation.path}` }],
  );
}

/** What a body adds to a head. */
export interface BodyNames {
  readonly deployments: readonly string[];
  readonly objects: readonly NamedObject[];
  readonly stream: boolean;
  /** The top-level `store`, where the body has one. */
  readonly store: boolean | undefined;
  /** The deployment that the lines of a batch's input name. */
  readonly linesFor?: string | undefined;
}

/**
 * The target of an operation without a body.
 * @throws TypeError for an operation whose body was not parsed: that request must not get a target from here.
 */
export function targetOf(head: RequestHead): Target {
  if (head.body !== "none") throw new TypeError(`${head.operation.name}: its body must be parsed first`);
  return assembleTarget(head, { deployments: [], objects: [], stream: false, store: undefined });
}

/** The only place where a target is made: from a head and, where there is one, its body. */
export function assembleTarget(head: RequestHead, body: BodyNames): Target {
  const { operation, imageDeployment } = head;
  const { lists, deletes } = operation;
  const creates = isKept(operation, body.store) ? operation.creates : undefined;
  return {
    operation: operation.name,
    group: operation.group,
    deployments: uniqueDeployments(head, body.deployments),
    objects: uniqueObjects(head.objects, body.objects),
    ...(creates === undefined ? {} : { creates }),
    ...(body.linesFor === undefined ? {} : { linesFor: body.linesFor }),
    ...(lists === undefined ? {} : { lists }),
    ...(deletes === undefined ? {} : { deletes }),
    path: head.path,
    query: head.query,
    headers: imageDeployment === undefined ? [] : [imageHeader, imageDeployment],
    stream:
      operation.streams === "always" ||
      (operation.streams === "body.stream" && body.stream) ||
      (operation.streams === "query.stream" && head.stream),
    // What is kept beyond the answer would be kept twice.
    retryable: operation.retryable && creates === undefined,
  };
}

const isKept = ({ storage }: Operation, store: boolean | undefined): boolean =>
  storage === undefined || (storage === "opt-in" ? store === true : store !== false);

function uniqueDeployments(
  { deployment, imageDeployment }: RequestHead,
  body: readonly string[],
): readonly string[] {
  if (imageDeployment === undefined && deployment === undefined && body.length < 2) return body;
  if (imageDeployment === undefined && deployment !== undefined && body.length === 0) return [deployment];
  const all = [deployment, ...body, imageDeployment].filter((name) => name !== undefined);
  return [...new Set(all)];
}

function uniqueObjects(head: readonly NamedObject[], body: readonly NamedObject[]): readonly NamedObject[] {
  if (body.length === 0) return head;
  const unique = new Map([...head, ...body].map((object) => [`${object.kind} ${object.id}`, object]));
  return [...unique.values()];
}

const malformed = (check: string, rule: string): Denied => refuse("request_malformed", check, rule);

const refuse = (code: "request_malformed" | "operation_not_permitted", check: string, rule: string): Denied =>
  deny(code, `${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`, [{ check, outcome: "fail", detail: rule }]);

const unknown = (why: string): Denied =>
  deny("operation_unknown", `${why.charAt(0).toUpperCase()}${why.slice(1)}.`, [
    { check: "operation", outcome: "fail", detail: why },
  ]);
