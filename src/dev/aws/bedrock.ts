import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, systemClock } from "../../kernel/clock.ts";
import { FaultSwitch, playFault } from "../azure/faults.ts";
import { listen, type TlsFiles } from "../azure/listen.ts";
import { receive, type ReceivedRequest } from "../azure/openai/received-request.ts";
import { RequestLog } from "../azure/request-log.ts";
import { resetConnection } from "../azure/reset.ts";
import {
  chatAnswer,
  converseAnswer,
  converseEvents,
  invokeAnswer,
  invokeEvents,
  type ModelRequest,
  usageOf,
} from "./answers.ts";
import type { Keyring } from "./keyring.ts";
import { type AwsError, checkSignature } from "./signature-check.ts";

export interface BedrockOptions {
  readonly tls: TlsFiles;
  readonly keyring: Keyring;
  /** What requests must be signed for. Default `eu-central-1`. */
  readonly region?: string;
  /** Model ids and ARNs that exist. */
  readonly models: readonly string[];
  readonly clock?: Clock;
  /** Default 0: any free port. */
  readonly port?: number;
}

/** A request that was let in, and as whom. */
export interface BedrockRequest extends ReceivedRequest {
  /** The ARN behind the signature, or `bearer`. */
  readonly caller: string;
  /** Decoded from the path, or the body's `model`. */
  readonly model: string;
}

/** A local Amazon Bedrock runtime endpoint that proves every signature. */
export interface LocalBedrock {
  /** `https://localhost:PORT`, without a path. */
  readonly url: string;
  readonly region: string;
  /** Entered when a request was let in. */
  readonly requests: RequestLog<BedrockRequest>;
  /** What was not let in, and why. */
  readonly refusals: RequestLog<AwsError>;
  readonly faults: FaultSwitch;
  /** Bearer keys that count. */
  readonly bearerKeys: Set<string>;
  stop(): Promise<void>;
}

const native =
  /^\/model\/([^/]+)\/(converse|converse-stream|invoke|invoke-with-response-stream|count-tokens)$/;

/** @throws Error when the port is taken. */
export async function startBedrock(options: BedrockOptions): Promise<LocalBedrock> {
  const { tls, keyring, region = "eu-central-1", clock = systemClock, port = 0 } = options;
  const models = new Set(options.models);
  const requests = new RequestLog<BedrockRequest>();
  const refusals = new RequestLog<AwsError>();
  const faults = new FaultSwitch();
  const bearerKeys = new Set<string>();

  function callerOf(received: ReceivedRequest, body: Buffer): { caller: string } | { error: AwsError } {
    const bearer = /^Bearer (.+)$/.exec(received.header("authorization") ?? "")?.[1];
    if (bearer !== undefined)
      return bearerKeys.has(bearer)
        ? { caller: "bearer" }
        : {
            error: {
              status: 403,
              type: "AccessDeniedException",
              message: "Authentication failed: Please make sure your API Key is valid.",
            },
          };
    const verdict = checkSignature({ ...received, body }, { keyring, clock, service: "bedrock" });
    if ("error" in verdict) return verdict;
    if (verdict.region !== region)
      return {
        error: {
          status: 403,
          type: "InvalidSignatureException",
          message: `Credential should be scoped to a valid region, not '${verdict.region}'.`,
        },
      };
    return { caller: verdict.key.arn };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = receive(request, response, () => 0);
    const body = await received.body.catch(() => undefined);
    if (body === undefined) return;
    response.setHeader("x-amzn-requestid", randomUUID());
    const who = callerOf(received, body);
    if ("error" in who) {
      refusals.add(who.error);
      return sendError(response, who.error);
    }
    const fault = faults.take(received.url);
    if (fault?.kind !== "reset-midway" && (await playFault(fault, request, response)) === "done") return;
    const [path = ""] = received.url.split("?", 1);
    const [, segment, operation = "chat"] = native.exec(path) ?? [];
    const input = JSON.parse(body.toString("utf8")) as ModelRequest & { model?: string; stream?: boolean };
    if (segment === undefined && path !== "/openai/v1/chat/completions")
      return sendError(response, { status: 404, type: "UnknownOperationException", message: "" });
    const model = segment === undefined ? (input.model ?? "") : decodeURIComponent(segment);
    requests.add({ ...received, caller: who.caller, model });
    if (!models.has(model))
      return sendError(response, {
        status: 400,
        type: "ValidationException",
        message: "The provided model identifier is invalid.",
      });
    const cut = fault?.kind === "reset-midway" ? () => resetConnection(request) : undefined;
    if (operation === "chat") return sendJson(response, chatAnswer(input));
    if (operation === "converse") return sendJson(response, converseAnswer(input));
    if (operation === "count-tokens")
      return sendJson(response, { inputTokens: usageOf(input.input?.converse ?? {}).inputTokens });
    if (operation === "invoke") {
      const { inputTokens, outputTokens } = usageOf(input);
      response.setHeader("x-amzn-bedrock-input-token-count", inputTokens);
      response.setHeader("x-amzn-bedrock-output-token-count", outputTokens);
      return sendJson(response, invokeAnswer(input));
    }
    return sendStream(
      response,
      operation === "converse-stream" ? converseEvents(input) : invokeEvents(input),
      cut,
    );
  }

  const listening = await listen({ service: "local Bedrock", port, tls, handle: serve });
  return {
    url: `https://localhost:${listening.port}`,
    region,
    requests,
    refusals,
    faults,
    bearerKeys,
    stop: listening.stop,
  };
}

async function sendStream(
  response: ServerResponse,
  events: Iterable<Buffer>,
  cut: (() => void) | undefined,
): Promise<void> {
  response.writeHead(200, {
    "content-type": "application/vnd.amazon.eventstream",
    "x-amzn-bedrock-content-type": "application/json",
  });
  for (const event of events) {
    await new Promise<void>((taken) => response.write(event, () => taken()));
    if (cut !== undefined) return cut();
  }
  response.end();
}

const sendJson = (response: ServerResponse, body: object, status = 200): void => {
  const text = JSON.stringify(body);
  response
    .writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
    .end(text);
};

const sendError = (response: ServerResponse, { status, type, message }: AwsError): void => {
  response.setHeader("x-amzn-errortype", type);
  sendJson(response, { message }, status);
};
