import type { NamedObject } from "../model/object-kind.ts";
import type { Target } from "../model/target.ts";
import { allow, type Verdict } from "../model/verdict.ts";
import { imageHeader, readHeaders } from "./head-headers.ts";
import type { Operation } from "./operation.ts";
import { readRequestLine, refuse, type RequestLine } from "./request-line.ts";
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
export interface RequestHead extends RequestLine {
  /** A second one that the head names: it draws images. */
  readonly imageDeployment?: string;
  /** `json`: read the body and call `parseBody`. `multipart`: `startMultipart`. `none`: proved empty; `targetOf`. */
  readonly body: "json" | "multipart" | "none";
  /** Of a multipart body. */
  readonly boundary?: string;
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
  const line = readRequestLine(method, url, surface);
  if (!line.allowed) return line;
  const { value, trace } = line;
  const head = readHeaders(headers, value.operation);
  if (!head.ok) return refuse(head.code ?? "request_malformed", "headers", head.rule);
  const { body, boundary, imageDeployment } = head;
  if (boundary === undefined && imageDeployment === undefined) return allow({ ...value, body }, trace);
  return allow(
    {
      ...value,
      body,
      ...(boundary === undefined ? {} : { boundary }),
      ...(imageDeployment === undefined ? {} : { imageDeployment }),
    },
    trace,
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
  const target: { -readonly [K in keyof Target]: Target[K] } = {
    operation: operation.name,
    group: operation.group,
    deployments: uniqueDeployments(head, body.deployments),
    objects: uniqueObjects(head.objects, body.objects),
    path: head.path,
    query: head.query,
    headers: imageDeployment === undefined ? noHeaders : [imageHeader, imageDeployment],
    stream:
      operation.streams === "always" ||
      (operation.streams === "body.stream" && body.stream) ||
      (operation.streams === "query.stream" && head.stream),
    // What is kept beyond the answer would be kept twice.
    retryable: operation.retryable && creates === undefined,
  };
  if (creates !== undefined) target.creates = creates;
  if (body.linesFor !== undefined) target.linesFor = body.linesFor;
  if (lists !== undefined) target.lists = lists;
  if (deletes !== undefined) target.deletes = deletes;
  return target;
}

const noHeaders: readonly string[] = Object.freeze([]);

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
