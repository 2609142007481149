import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import type { World } from "./world.ts";

/** A client's end of a WebSocket through the gateway. */
export interface SocketClient {
  readonly webSocket: WebSocket;
  readonly answer: IncomingMessage;
  send(message: object | string | Uint8Array): void;
  /** The next event of that type (default: of any) that was not handed out yet. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a test knows what it expects
  next(type?: string): Promise<any>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export interface SocketWish {
  readonly path: string;
  readonly protocols?: string[];
  readonly client?: IssuedCertificate;
  readonly options?: ClientOptions;
}

const start = (world: World, { path, protocols = [], client = world.pki.client, options }: SocketWish) =>
  new WebSocket(`wss://localhost:${world.certgate.port}${path}`, protocols, {
    ca: world.pki.root.pem,
    cert: client.chainPem,
    key: client.keyPem,
    ...options,
  });

/** Opens a WebSocket over mutual TLS; it ends with the test. */
export async function openSocket(world: World, wish: SocketWish): Promise<SocketClient> {
  const webSocket = start(world, wish);
  onTestFinished(() => webSocket.terminate());
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  const events: any[] = [];
  let arrived = Promise.withResolvers<void>();
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    webSocket.once("close", (code, reason) => {
      resolve({ code, reason: reason.toString("utf8") });
      arrived.resolve();
    });
  });
  webSocket.on("message", (data: Buffer) => {
    events.push(JSON.parse(data.toString("utf8")));
    arrived.resolve();
  });
  const answered = once(webSocket, "upgrade") as Promise<[IncomingMessage]>;
  await once(webSocket, "open");
  webSocket.on("error", () => {});
  const [answer] = await answered;
  return {
    webSocket,
    answer,
    closed,
    send(message) {
      const isWhole = typeof message === "string" || message instanceof Uint8Array;
      webSocket.send(isWhole ? message : JSON.stringify(message));
    },
    async next(type) {
      for (;;) {
        const at = events.findIndex((event) => type === undefined || event.type === type);
        if (at !== -1) return events.splice(at, 1)[0];
        if (webSocket.readyState === webSocket.CLOSED) throw new Error(`it closed before ${type} came`);
        arrived = Promise.withResolvers<void>();
        await arrived.promise;
      }
    },
  };
}

export interface RefusedSocket {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  // oxlint-disable-next-line typescript/no-explicit-any -- a test knows what it expects
  readonly json: any;
}

/** Asks for a WebSocket that is answered with plain HTTP. */
export async function refusedSocket(world: World, wish: SocketWish): Promise<RefusedSocket> {
  const webSocket = start(world, wish);
  webSocket.on("error", () => {});
  const [, answer] = (await once(webSocket, "unexpected-response")) as [unknown, IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  webSocket.terminate();
  const text = Buffer.concat(chunks).toString("utf8");
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    json: text === "" ? undefined : JSON.parse(text),
  };
}
