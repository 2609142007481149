import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type Agent, request as httpsRequest } from "node:https";

/** Who asks whom. */
export interface Asker {
  readonly port: number;
  /** PEM of the CA that signed the server's certificate. */
  readonly ca: string;
  readonly client?: { readonly chainPem: string; readonly keyPem: string };
  /** To reuse a connection; default a new one. */
  readonly agent?: Agent;
}

export interface Question {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string | string[]>;
  /** An object is sent as JSON. */
  readonly body?: object | string | Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test knows what it expects
  readonly json: any;
}

/** Sends one request over mutual TLS and reads the whole answer. */
export async function ask(asker: Asker, question: Question): Promise<Answer> {
  const answer = await begin(asker, question);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const isJson = answer.headers["content-type"]?.startsWith("application/json") ?? false;
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** Sends one request and returns its answer as soon as the head is there. */
export async function begin(asker: Asker, question: Question): Promise<IncomingMessage> {
  const { method, path, body, headers = {} } = question;
  const isJson = typeof body === "object" && !(body instanceof Uint8Array);
  const bytes = isJson ? JSON.stringify(body) : body;
  const request = httpsRequest({
    host: "localhost",
    port: asker.port,
    ca: asker.ca,
    ...(asker.client === undefined ? {} : { cert: asker.client.chainPem, key: asker.client.keyPem }),
    agent: asker.agent ?? false,
    method: method ?? (body === undefined ? "GET" : "POST"),
    path,
    headers: { ...(isJson ? { "content-type": "application/json" } : {}), ...headers },
  });
  request.end(bytes);
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return answer;
}
