import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Asker, Question } from "./ask.ts";

/** What became of one request of a load. */
export interface LoadOutcome {
  /** 0 where no complete answer came. */
  readonly status: number;
  readonly fault?: string;
  readonly requestId?: string;
  /** Tells the connections apart; 0 where none was opened. */
  readonly connection: number;
  /** Milliseconds, as `performance.now()`, at which its connection was asked for. */
  readonly openedAt: number;
  readonly text: string;
}

export interface Load {
  /** Sends no more, and resolves with what became of all. */
  stop(): Promise<readonly LoadOutcome[]>;
  /** Resolves when so many more were answered. */
  answered(count: number): Promise<void>;
}

export interface LoadOptions {
  readonly asker: Asker;
  readonly question: Question & { readonly body: object };
  readonly perSecond: number;
  /** How many connections are kept and used again; `each its own`: a new one for each request. */
  readonly connections: number | "each its own";
}

/** Requests at a constant rate, whether or not those before were answered. Nothing is tried again. */
export function startLoad({ asker, question, perSecond, connections }: LoadOptions): Load {
  const agent =
    connections === "each its own" ? undefined : new Agent({ keepAlive: true, maxSockets: connections });
  const known = new WeakMap<Socket, { readonly id: number; readonly openedAt: number }>();
  let lastConnection = 0;
  const outcomes: LoadOutcome[] = [];
  const pending = new Set<Promise<void>>();
  const waiting: { readonly at: number; readonly resolve: () => void }[] = [];

  const send = async (): Promise<void> => {
    const bytes = JSON.stringify(question.body);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    let connection = { id: 0, openedAt: performance.now() };
    const request = httpsRequest(
      {
        host: "localhost",
        // One address: what a second one would hide is to be seen.
        family: 4,
        port: asker.port,
        ca: asker.ca,
        ...(asker.client === undefined ? {} : { cert: asker.client.chainPem, key: asker.client.keyPem }),
        agent: agent ?? false,
        method: "POST",
        path: question.path,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(bytes) },
      },
      resolve,
    );
    request.once("socket", (socket) => {
      const before = known.get(socket);
      connection = before ?? { id: (lastConnection += 1), openedAt: performance.now() };
      known.set(socket, connection);
    });
    request.once("error", reject);
    request.end(bytes);
    const of = () => ({ connection: connection.id, openedAt: connection.openedAt });
    try {
      const answer = await promise;
      const requestId = answer.headers["x-certgate-request-id"];
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      outcomes.push({
        ...of(),
        status: answer.statusCode ?? 0,
        text: Buffer.concat(chunks).toString("utf8"),
        ...(typeof requestId === "string" ? { requestId } : {}),
      });
    } catch (fault) {
      const { code, message } = fault as Error & { code?: string };
      outcomes.push({ ...of(), status: 0, fault: `${code ?? ""} ${message}`, text: "" });
    }
    for (const one of waiting.splice(0)) {
      if (outcomes.length >= one.at) one.resolve();
      else waiting.push(one);
    }
  };

  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (; sent < ((performance.now() - began) * perSecond) / 1000; sent += 1) {
      const one = send().finally(() => pending.delete(one));
      pending.add(one);
    }
  }, 5);
  return {
    answered(count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ at: outcomes.length + count, resolve });
      return promise;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
      agent?.destroy();
      return outcomes;
    },
  };
}
