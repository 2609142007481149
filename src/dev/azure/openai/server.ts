import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import { type Clock, systemClock } from "../../../kernel/clock.ts";
import type { AccessTokens } from "../access-tokens.ts";
import { type Fault, FaultSwitch, playFault } from "../faults.ts";
import { listen, type TlsFiles } from "../listen.ts";
import { RequestLog } from "../request-log.ts";
import { resetConnection } from "../reset.ts";
import { type AnswerContext, modelsAnswer, responsesAnswer } from "./answers.ts";
import { sendEvents, type StreamPace } from "./event-stream.ts";
import { type NamedOperation, operationOf, type RequestBody } from "./operations.ts";
import { receive, type ReceivedRequest } from "./received-request.ts";
import { readReceivedForm } from "./received-form.ts";
import { answerOf, eventsOf } from "./rendering.ts";
import { createWebSockets, type LocalWebSockets } from "./web-sockets.ts";
import { StoredObjects, type StoredAnswer } from "./stored-objects.ts";

export type { StreamPace } from "./event-stream.ts";
export type { ReceivedRequest } from "./received-request.ts";

export interface OpenAiOptions {
  readonly tls: TlsFiles;
  readonly tokens: AccessTokens;
  /** Deployment to model, e.g. `{ "gpt-test": "gpt-4o" }`. */
  readonly deployments: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** Default 0: any free port. */
  readonly port?: number;
}

/** A local Azure OpenAI resource. */
export interface LocalOpenAi {
  /** `https://localhost:PORT`, without a path. */
  readonly url: string;
  /** Entered when a request's head has arrived. */
  readonly requests: RequestLog<ReceivedRequest>;
  readonly faults: FaultSwitch;
  /** Entered when a WebSocket is open. */
  readonly sockets: LocalWebSockets["sockets"];
  /** How the streams of the coming requests are sent; `{}` is back to normal. */
  setPace(pace: StreamPace): void;
  stop(): Promise<void>;
}

const audiences = ["https://cognitiveservices.azure.com", "https://ai.azure.com"];

const azureError = (code: string, message: string) => ({ error: { code, message } });

/** @throws Error when the port is taken. */
export async function startOpenAi(options: OpenAiOptions): Promise<LocalOpenAi> {
  const { tls, tokens, clock = systemClock, port = 0 } = options;
  const deployments = new Map(Object.entries(options.deployments));
  const requests = new RequestLog<ReceivedRequest>();
  const faults = new FaultSwitch();
  const stored = new StoredObjects();
  let pace: StreamPace = {};

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let sent = 0;
    const received = receive(request, response, () => sent);
    const url = new URL(received.url, "https://openai");
    for (const [name, value] of identifyingHeaders(request)) response.setHeader(name, value);
    requests.add(received);

    const check = tokens.check(request.headers.authorization, audiences);
    if (check !== "good")
      return sendJson(
        response,
        401,
        azureError(
          "Unauthorized",
          `Access token is missing, invalid, audience is incorrect (${audiences[0]}), or have expired. [${check}]`,
        ),
      );
    const body = await bodyOf(received, response);
    if (body === undefined) return;
    const fault = faults.take(received.url);
    if (fault?.kind !== "reset-midway" && (await playFault(fault, request, response)) === "done") return;

    const created = Math.floor(clock.now() / 1000);
    const raw = await received.body;
    const content = readReceivedForm(received.header("content-type"), raw)?.file?.content ?? raw;
    const known = stored.missing(body) ?? stored.serve(received.method, url.pathname, body, content, created);
    if (known !== undefined) return sendStored(response, known);

    const operation = operationOf(received.method, url);
    if (operation === undefined || (operation.surface === "classic" && !url.searchParams.has("api-version")))
      return sendJson(response, 404, azureError("404", "Resource not found"));
    if (operation.kind === "models") return sendJson(response, 200, modelsAnswer(deployments, created));
    const deployment = operation.deployment ?? (typeof body.model === "string" ? body.model : "");
    const model = deployments.get(deployment);
    if (model === undefined)
      return sendJson(
        response,
        404,
        azureError(
          "DeploymentNotFound",
          "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.",
        ),
      );
    const context = { model, id: randomUUID().replaceAll("-", ""), created };
    response.setHeader("x-ms-deployment-name", deployment);
    await answer(operation, context, body, { request, response, fault, onSent: (bytes) => (sent = bytes) });
  }

  async function answer(
    operation: NamedOperation,
    context: AnswerContext,
    body: RequestBody,
    exchange: Exchange,
  ): Promise<void> {
    const { request, response, fault } = exchange;
    if (operation.kind === "responses" && body.store !== false)
      stored.keepResponse(responsesAnswer(context, body));
    const events = body.stream === true ? eventsOf(operation, context, body, pace) : undefined;
    if (events === undefined) {
      const whole = JSON.stringify(answerOf(operation, context, body));
      if (fault?.kind !== "reset-midway") return sendText(response, whole);
      response.writeHead(200, { "content-type": "application/json", "content-length": whole.length });
      response.write(whole.slice(0, whole.length / 2), () => resetConnection(request));
      return;
    }
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
    });
    const stride: StreamPace =
      fault?.kind === "reset-midway" ? { afterEvent: () => resetConnection(request) } : pace;
    await sendEvents(response, events, stride, exchange.onSent);
  }

  const webSockets = createWebSockets({
    faults,
    deployments,
    unauthorised: ({ headers }) =>
      tokens.check(headers.authorization, audiences) === "good"
        ? undefined
        : azureError("Unauthorized", "Access token is missing, invalid, or have expired."),
    keep: (response) => stored.keepResponse(response),
  });
  const listening = await listen({
    service: "local Azure OpenAI",
    port,
    tls,
    handle: serve,
    upgrade: webSockets.upgrade,
  });
  return {
    url: `https://localhost:${listening.port}`,
    requests,
    faults,
    setPace: (next) => {
      pace = next;
    },
    sockets: webSockets.sockets,
    async stop() {
      webSockets.stop();
      await listening.stop();
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly fault: Fault | undefined;
  readonly onSent: (bytes: number) => void;
}

/** The headers by which Azure lets an answer be traced and its limits be seen. */
const identifyingHeaders = (request: IncomingMessage): [string, string][] => [
  ["apim-request-id", randomUUID()],
  ["x-request-id", randomUUID()],
  ["x-ms-client-request-id", request.headers["x-ms-client-request-id"]?.toString() ?? randomUUID()],
  ["x-ms-region", "Local"],
  ["x-ratelimit-limit-requests", "1000"],
  ["x-ratelimit-remaining-requests", "999"],
  ["x-ratelimit-limit-tokens", "100000"],
  ["x-ratelimit-remaining-tokens", "99000"],
];

/** The JSON body, or the fields of a form; `{}` for an empty one. Answers 400 by itself, and gives undefined when there is nothing to serve. */
async function bodyOf(received: ReceivedRequest, response: ServerResponse): Promise<RequestBody | undefined> {
  let bytes: Buffer;
  try {
    bytes = await received.body;
  } catch {
    // The sender left; nobody is there to be answered.
    return undefined;
  }
  if (bytes.length === 0) return {};
  const form = readReceivedForm(received.header("content-type"), bytes);
  if (form !== undefined) {
    const { fields, file } = form;
    return file === undefined ? fields : { ...fields, filename: file.filename, bytes: file.content.length };
  }
  try {
    const body: unknown = JSON.parse(bytes.toString());
    if (typeof body === "object" && body !== null) return body;
  } catch {
    // Falls through to the same answer as any other JSON that is no object.
  }
  sendJson(response, 400, azureError("BadRequest", "The request body is not a JSON object."));
  return undefined;
}

function sendStored(response: ServerResponse, { status, body }: StoredAnswer): void {
  if (!Buffer.isBuffer(body)) return sendJson(response, status, body);
  response.writeHead(status, { "content-type": "application/octet-stream" }).end(body);
}

const sendJson = (response: ServerResponse, status: number, body: object): void =>
  sendText(response, JSON.stringify(body), status);

function sendText(response: ServerResponse, text: string, status = 200): void {
  response
    .writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
    .end(text);
}
