import { JudgedNames } from "../kernel/judged-names.ts";
import { isDeploymentName } from "../model/deployment-name.ts";
import { isOwnOrigin } from "../model/own-origin.ts";
import { readBoundary } from "./multipart/boundary.ts";
import type { Operation } from "./operation.ts";

/**
 * Headers by which some server, proxy or backend lets a request be another one than its request line and body say.
 * They are refused, not stripped: who sends one means something that the gateway did not authorise.
 */
const overrides: ReadonlySet<string> = new Set([
  "x-http-method-override",
  "x-http-method",
  "x-method-override",
  "x-original-url",
  "x-original-uri",
  "x-rewrite-url",
  "azureml-model-deployment",
  "extra-parameters",
  // To leave it out in silence would be worse: the caller would take its answers for guarded.
  "x-amzn-bedrock-guardrailidentifier",
  "x-amzn-bedrock-guardrailversion",
]);

/** Names the deployment that draws images for the Responses API; anywhere else it is one of the above. */
export const imageHeader = "x-ms-oai-image-generation-deployment";

/** Once, or the two ends may take different ones. llhttp refuses most of these; this does not rest on it. */
const once = [
  "host",
  "origin",
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "expect",
  imageHeader,
  "upgrade",
] as const;

const broken = (rule: string) => ({ ok: false, rule }) as const;

type Once = (typeof once)[number];

/** The places of the values of those in the list of headers. */
type NameReading =
  | { readonly ok: true; readonly places: ReadonlyMap<string, number> }
  | { readonly ok: false; readonly rule: string };

const judgedNames = new JudgedNames((names): NameReading => {
  const places = new Map<string, number>();
  for (const [index, written] of names.entries()) {
    // CGI-like servers read `_` as `-`: both spellings are one name here.
    const name = written.toLowerCase().replaceAll("_", "-");
    if (overrides.has(name)) return broken(`the header ${name} is not accepted`);
    if (!(once as readonly string[]).includes(name)) continue;
    if (places.has(name)) return broken(`the header ${name} must stand once`);
    places.set(name, 2 * index + 1);
  }
  return { ok: true, places };
});

const jsonType = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?$/i;

export type HeaderReading =
  | {
      readonly ok: true;
      /** How the body is to be read: for operations that take either, its type has decided. */
      readonly body: "json" | "multipart" | "none";
      /** Of a multipart body. */
      readonly boundary?: string;
      readonly imageDeployment?: string;
    }
  | {
      readonly ok: false;
      readonly rule: string;
      /** Default: `request_malformed`. */
      readonly code?: "operation_not_permitted";
    };

const json: HeaderReading = { ok: true, body: "json" };
const none: HeaderReading = { ok: true, body: "none" };

/** Reads a request's raw header list (name, value, name, value ...) for its operation. */
export function readHeaders(headers: readonly string[], operation: Operation): HeaderReading {
  const names = judgedNames.of(headers);
  if (!names.ok) return names;
  const valueOf = (name: Once): string | undefined => {
    const at = names.places.get(name);
    return at === undefined ? undefined : (headers[at] ?? "").trim();
  };
  const expect = valueOf("expect");
  if (expect !== undefined && expect.toLowerCase() !== "100-continue")
    return broken("the header expect may only be 100-continue");
  const length = valueOf("content-length");
  if (length !== undefined && valueOf("transfer-encoding") !== undefined)
    return broken("content-length and transfer-encoding must not stand together");
  // RFC 9112 6.1: another coding would have to be decoded before the body is read.
  const coding = valueOf("transfer-encoding");
  if (coding !== undefined && coding.toLowerCase() !== "chunked")
    return broken("the header transfer-encoding may only be chunked");
  if (operation.upgrade !== undefined && valueOf("upgrade")?.toLowerCase() !== "websocket")
    return broken("this operation opens a WebSocket, and the header upgrade does not ask for one");
  const reading = readBodyHeaders(valueOf, operation);
  const origin = valueOf("origin");
  // Pages may have these sent without being asked for leave first (Fetch 2.2.1, 2.2.2); for all else the browser asks
  // with OPTIONS, which is no operation here.
  if (
    origin !== undefined &&
    operation.method === "POST" &&
    reading.ok &&
    reading.body !== "json" &&
    !isOwnOrigin(origin, valueOf("host"))
  )
    return {
      ...broken("another site's page may not send this (the header origin)"),
      code: "operation_not_permitted",
    };
  const imageDeployment = valueOf(imageHeader);
  if (imageDeployment === undefined || !reading.ok) return reading;
  if (operation.shape !== "responses" && operation.upgrade !== "responses")
    return broken(`the header ${imageHeader} is not accepted here`);
  if (!isDeploymentName(imageDeployment))
    return broken(`the header ${imageHeader} does not hold a deployment name`);
  return { ...reading, imageDeployment };
}

function readBodyHeaders(valueOf: (name: Once) => string | undefined, { body }: Operation): HeaderReading {
  if (body === "none") {
    const length = valueOf("content-length");
    return (length !== undefined && length !== "0") || valueOf("transfer-encoding") !== undefined
      ? broken("this operation takes no body")
      : none;
  }
  const encoding = valueOf("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    return broken("a content-encoding other than identity is not accepted");
  const type = valueOf("content-type") ?? "";
  if (body !== "multipart" && (type === "application/json" || jsonType.test(type))) return json;
  if (body === "json") return broken("the content-type must be application/json, in UTF-8");
  const boundary = readBoundary(type);
  if (boundary !== undefined) return { ok: true, body: "multipart", boundary };
  return broken(
    body === "either"
      ? "the content-type must be application/json, in UTF-8, or multipart/form-data with one plain boundary"
      : "the content-type must be multipart/form-data with one plain boundary",
  );
}
