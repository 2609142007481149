import { isStreamed, type OutboundBody } from "../model/outbound-request.ts";
import type { Target } from "../model/target.ts";
import { placeholderIn } from "./match-operation.ts";
import type { RequestHead } from "./parse-head.ts";
import type { NameAtBackend } from "./name-at-backend.ts";
import { RenameFault } from "./rename-fault.ts";
import { renameForm } from "./rename-form.ts";
import { renameJson } from "./rename-json.ts";
import { shapes } from "./shapes/shapes.ts";

/** The parts of a request that can name a deployment. */
export interface RenamedRequest {
  readonly path: string;
  /** Without `?`; empty when there is none. */
  readonly query: string;
  /** As in the target. */
  readonly headers: readonly string[];
  readonly body: OutboundBody;
}

/**
 * Whether a request can go to a backend as far as its names are concerned: each deployment lives there, and what cannot
 * be rewritten (a batch's lines, the messages of a WebSocket) is called the same there.
 */
export function isNameable({ operation }: RequestHead, target: Target, nameAt: NameAtBackend): boolean {
  const mustBeSame =
    operation.deployment === "lines" || target.linesFor !== undefined || operation.upgrade !== undefined;
  return target.deployments.every((deployment) => {
    const name = nameAt(deployment);
    return mustBeSame ? name === deployment : name !== undefined;
  });
}

/**
 * The request as its backend is to read it: everything that names a deployment names it as it is called there, and all
 * else stands as it came. Where all names are the same, nothing is touched.
 * @throws RenameFault when the result cannot be proved: then nothing may be sent
 */
export function renameRequest(
  head: RequestHead,
  target: Target,
  body: OutboundBody,
  nameAt: NameAtBackend,
): RenamedRequest {
  const { path, query, headers } = target;
  if (target.deployments.every((name) => nameAt(name) === name)) return { path, query, headers, body };
  if (!isNameable(head, target, nameAt))
    throw new RenameFault("a deployment does not live on the backend, or cannot be renamed for it");
  return {
    path: renamedPath(head, path, nameAt),
    query: renamedQuery(head, query, nameAt),
    headers: headers.map((text, at) => (at % 2 === 0 ? text : nameOr(text, nameAt))),
    body: renamedBody(head, body, nameAt),
  };
}

function nameOr(deployment: string, nameAt: NameAtBackend): string {
  const name = nameAt(deployment);
  if (name === undefined) throw new RenameFault("a deployment does not live on the backend");
  return name;
}

function renamedPath({ operation, deployment }: RequestHead, path: string, nameAt: NameAtBackend): string {
  if (deployment === undefined || operation.deployment !== "path") return path;
  const template = operation.path.split("/");
  const segments = path.split("/");
  const at = template.findIndex((segment) => placeholderIn(segment) === "deployment");
  if (at === -1 || template.length !== segments.length || segments[at] !== deployment)
    throw new RenameFault("the path does not hold its deployment where the table says");
  segments[at] = encodeSegment(nameOr(deployment, nameAt));
  return segments.join("/");
}

function renamedQuery({ operation, deployment }: RequestHead, query: string, nameAt: NameAtBackend): string {
  if (deployment === undefined || operation.deployment !== "query") return query;
  let renamed = 0;
  const parameters = query.split("&").map((parameter) => {
    if (parameter !== `model=${deployment}` && parameter !== `deployment=${deployment}`) return parameter;
    renamed += 1;
    return `${parameter.slice(0, parameter.indexOf("="))}=${encodeSegment(nameOr(deployment, nameAt))}`;
  });
  if (renamed !== 1) throw new RenameFault("the query does not name its deployment once");
  return parameters.join("&");
}

function renamedBody(head: RequestHead, body: OutboundBody, nameAt: NameAtBackend): OutboundBody {
  if (body === null) return null;
  const mustName = head.operation.deployment !== "path";
  if (isStreamed(body)) {
    const held = renameForm(boundaryOf(head), body.held, nameAt, mustName);
    const length = body.length === undefined ? undefined : body.length + held.length - body.held.length;
    return { ...body, held, length };
  }
  if (head.body === "multipart") return renameForm(boundaryOf(head), body, nameAt, mustName);
  const context = { drawsImages: head.imageDeployment !== undefined, allows: head.allows };
  return renameJson(body, shapes[head.operation.shape], context, nameAt);
}

function boundaryOf({ boundary }: RequestHead): string {
  if (boundary === undefined) throw new RenameFault("the form has no boundary");
  return boundary;
}

/** What RFC 3986 2.3 does not leave unreserved is encoded: no reader takes a part of the name for a separator. */
function encodeSegment(name: string): string {
  if (/^\.*$/.test(name)) throw new RenameFault("the backend's name would be a dot segment");
  return encodeURIComponent(name).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
