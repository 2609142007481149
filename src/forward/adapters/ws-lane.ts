import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type ClientOptions, WebSocket, WebSocketServer } from "ws";
import { GatewayError } from "../../kernel/errors.ts";
import type { OpenedWebSocket, RefusedWebSocket, WebSocketLane, WebSocketSide } from "../web-socket-lane.ts";
import { BackendAgent } from "./backend-agent.ts";
import { TookTooLong, toBackendFault } from "./to-backend-fault.ts";
import type { WayToBackend } from "./way-to-backend.ts";
import { type Watch, WsSide } from "./ws-side.ts";

export interface WsLaneOptions extends Watch, WayToBackend {
  /** Sent in `Host`, in place of the origin's host and port. */
  readonly hostHeader?: string;
  /** From the upgrade sent to its answer. */
  readonly firstByteTimeoutMs: number;
  /** Of one message, in bytes, in either direction. */
  readonly messageLimit: number;
}

/** For how long a peer may take over its answer to a close, with what waits before it. */
const closeTimeoutMs = 10_000;
const mostOfRefusal = 64 * 1024;
const refusalTimeoutMs = 10_000;

/** The home of ws, on both sides. */
export function createWsLane(options: WsLaneOptions): WebSocketLane {
  const { origin, messageLimit, hostHeader } = options;
  const { host } = new URL(origin);
  const agent = new BackendAgent(options, { keepAlive: false });
  const shared = {
    // What is compressed has a size that nobody told, and a context that costs memory for as long as it is open.
    perMessageDeflate: false,
    maxPayload: messageLimit,
    skipUTF8Validation: false,
    closeTimeout: closeTimeoutMs,
  };
  const open = new Set<WebSocket>();

  return {
    open({ path, headers, protocols, answerTimeoutMs }, signal) {
      const url = new URL(`wss://${host}${path}`);
      // What was authorised goes out in the very spelling that was read.
      if (`${url.pathname}${url.search}` !== path || url.hash !== "")
        return Promise.reject(new GatewayError("internal_error", "the path would be respelt"));
      if (signal.aborted) return Promise.reject(reasonOf(signal));
      const { promise, resolve, reject } = Promise.withResolvers<OpenedWebSocket | RefusedWebSocket>();
      const { firstByteTimeoutMs: longest } = options;
      const wait = Math.min(longest, answerTimeoutMs ?? longest);
      let sent = false;
      let answering: NodeJS.Timeout | undefined;
      const webSocket = new WebSocket(url, [...protocols], {
        ...shared,
        headers: asObject(
          hostHeader === undefined ? headers : [...headers, "host", hostHeader],
        ) as NonNullable<ClientOptions["headers"]>,
        followRedirects: false,
        agent,
        finishRequest(request) {
          request.once("socket", (socket) =>
            socket.once("secureConnect", () => {
              sent = true;
              answering = setTimeout(() => request.destroy(new TookTooLong()), wait);
            }),
          );
          request.end();
        },
      });
      open.add(webSocket);
      webSocket.once("close", () => open.delete(webSocket));
      const onAbort = () => webSocket.terminate();
      signal.addEventListener("abort", onAbort, { once: true });
      const settled = () => {
        clearTimeout(answering);
        signal.removeEventListener("abort", onAbort);
      };
      let answerHeaders: readonly string[] = [];

      webSocket.once("upgrade", (answer: IncomingMessage) => {
        answerHeaders = answer.rawHeaders;
      });
      webSocket.once("unexpected-response", (_request, answer: IncomingMessage) => {
        clearTimeout(answering);
        const { statusCode = 0 } = answer;
        if (statusCode < 200 || statusCode > 599) return webSocket.terminate();
        void readRefusal(answer)
          .then((body) => ({ opened: false, status: statusCode, headers: answer.rawHeaders, body }) as const)
          .then(resolve, (fault: unknown) => reject(toBackendFault(fault, true)))
          .finally(() => {
            settled();
            // Nobody else ends it: to the library it is still connecting, and its `close` is what it is forgotten at.
            webSocket.terminate();
          });
      });
      const onError = (fault: Error) => {
        settled();
        reject(signal.aborted ? reasonOf(signal) : toBackendFault(fault, sent));
      };
      webSocket.on("error", onError);
      webSocket.once("open", () => {
        settled();
        const side = new WsSide(webSocket, options);
        webSocket.off("error", onError);
        resolve({ opened: true, side, protocol: webSocket.protocol, headers: answerHeaders });
      });
      return promise;
    },

    accept: (incoming, socket, head, answer) => accept(shared, options, incoming, socket, head, answer),
    close() {
      for (const webSocket of open) webSocket.terminate();
      agent.destroy();
    },
  };
}

function accept(
  shared: object,
  watch: Watch,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { protocol, headers }: { readonly protocol: string; readonly headers: readonly string[] },
): WebSocketSide | undefined {
  const server = new WebSocketServer({
    ...shared,
    noServer: true,
    clientTracking: false,
    handleProtocols: (offered) => offered.has(protocol) && protocol,
  });
  server.on("headers", (lines: string[]) => {
    for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  });
  // What the library would answer itself was refused before; this keeps it silent all the same.
  server.on("wsClientError", () => socket.destroy());
  let side: WsSide | undefined;
  // It calls back at once, or never when the client has left.
  server.handleUpgrade(incoming, socket, head, (webSocket) => {
    side = new WsSide(webSocket, watch);
  });
  return side;
}

const reasonOf = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new Error("aborted", { cause: reason });

/** The begin of a refusal's body; a backend that never ends it is not waited for. */
async function readRefusal(answer: IncomingMessage): Promise<Buffer> {
  const timer = setTimeout(() => answer.destroy(new TookTooLong()), refusalTimeoutMs);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length >= mostOfRefusal) break;
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).subarray(0, mostOfRefusal);
}

/** @param pairs flat raw pairs; a name that stands twice gets a list */
function asObject(pairs: readonly string[]): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (let at = 0; at < pairs.length; at += 2) {
    const [name = "", value = ""] = [pairs[at], pairs[at + 1]];
    const before = object[name];
    object[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return object;
}
