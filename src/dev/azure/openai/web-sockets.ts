import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";

import type { FaultSwitch } from "../faults.ts";
import { RequestLog } from "../request-log.ts";
import { realtimeAnswers, responsesAnswers } from "./web-socket-answers.ts";

/** A message as it arrived. */
export interface ReceivedMessage {
  readonly data: Buffer;
  readonly binary: boolean;
}

/** A WebSocket that was opened here. */
export interface ReceivedSocket {
  /** The raw request target. */
  readonly url: string;
  /** Names and values alternating, as sent, duplicates included. */
  readonly rawHeaders: readonly string[];
  /** The value of a header, lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** Every message, entered when it is whole and before it is answered. */
  readonly messages: RequestLog<ReceivedMessage>;
  /** For what a test wants to happen here: events of its own, closes, silence. */
  readonly webSocket: WebSocket;
  /** How it ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export interface LocalWebSockets {
  readonly sockets: RequestLog<ReceivedSocket>;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  stop(): void;
}

export interface WebSocketsOptions {
  readonly faults: FaultSwitch;
  /** Deployment to model. */
  readonly deployments: ReadonlyMap<string, string>;
  /** The refusal of a request without a good token. */
  readonly unauthorised: (request: IncomingMessage) => object | undefined;
  /** A response that is to be found later. */
  readonly keep: (response: { readonly id: string }) => void;
}

/** Realtime (`/openai/v1/realtime`, `/openai/realtime`) and Responses (`/openai/v1/responses`) over WebSocket. */
export function createWebSockets(options: WebSocketsOptions): LocalWebSockets {
  const { faults, deployments } = options;
  const sockets = new RequestLog<ReceivedSocket>();
  const open = new Set<WebSocket>();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: true,
    maxPayload: 256 * 1024 * 1024,
  });
  server.on("headers", (lines: string[]) => {
    lines.push(`apim-request-id: ${randomUUID()}`, "x-ms-region: Local");
  });

  function serve(webSocket: WebSocket, request: IncomingMessage, url: URL): void {
    open.add(webSocket);
    const messages = new RequestLog<ReceivedMessage>();
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      webSocket.once("close", (code, reason) => {
        open.delete(webSocket);
        resolve({ code, reason: reason.toString("utf8") });
      });
    });
    webSocket.on("error", () => {});
    const say = (event: object) => webSocket.send(JSON.stringify(event));
    const isRealtime = url.pathname.endsWith("/realtime");
    const model = url.searchParams.get("model") ?? url.searchParams.get("deployment") ?? "";
    const answers = isRealtime
      ? realtimeAnswers(model)
      : responsesAnswers(deployments, (response) => options.keep(response));
    webSocket.on("message", (data: Buffer, binary) => {
      messages.add({ data, binary });
      for (const event of answers.to(data)) say(event);
    });
    sockets.add({
      url: request.url ?? "",
      rawHeaders: [...request.rawHeaders],
      header: (name) => request.headers[name]?.toString(),
      messages,
      webSocket,
      closed,
    });
    for (const event of answers.first()) say(event);
  }

  return {
    sockets,
    upgrade(request, socket, head) {
      socket.on("error", () => socket.destroy());
      const url = new URL(request.url ?? "", "https://openai");
      const unauthorised = options.unauthorised(request);
      if (unauthorised !== undefined) return refuse(socket, 401, {}, unauthorised);
      const fault = faults.take(request.url ?? "");
      if (fault?.kind === "answer")
        return refuse(socket, fault.status, fault.headers ?? {}, fault.body ?? {});
      if (fault?.kind === "hang") return;
      if (fault !== undefined) return void socket.destroy();
      const named = url.searchParams.get("model") ?? url.searchParams.get("deployment");
      const isKnown = /^\/openai\/(?:v1\/)?realtime$/.test(url.pathname)
        ? named !== null && deployments.has(named)
        : url.pathname === "/openai/v1/responses";
      if (!isKnown) return refuse(socket, 404, {}, { error: { code: "404", message: "Resource not found" } });
      server.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, request, url));
    },
    stop() {
      for (const webSocket of open) webSocket.terminate();
    },
  };
}

function refuse(
  socket: Duplex,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): void {
  const text = JSON.stringify(body);
  const lines = Object.entries({
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(text)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} \r\n${lines.join("")}connection: close\r\n\r\n${text}`);
}
