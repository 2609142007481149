import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Answer, Asker } from "./ask.ts";

export const boundary = "----upload-boundary";

/** A field of a form; with a file name, a file. */
export const part = (name: string, content: string | Uint8Array, filename?: string): Buffer =>
  Buffer.concat([
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${
        filename === undefined ? "" : `; filename="${filename}"\r\ncontent-type: application/octet-stream`
      }\r\n\r\n`,
    ),
    Buffer.from(content),
    Buffer.from("\r\n"),
  ]);

export const lastDelimiter = Buffer.from(`--${boundary}--\r\n`);

export const form = (...parts: Uint8Array[]): Buffer => Buffer.concat([...parts, lastDelimiter]);

/** A request whose body the test sends piece by piece. */
export interface Upload {
  readonly request: ClientRequest;
  /** The whole answer; rejects when the connection was cut before its end. */
  readonly answer: Promise<Answer>;
  /** Bytes that the connection took. */
  readonly taken: () => number;
  /** Sends as the connection has room. Resolves when all was taken, an answer came, or the connection ended. */
  send(bytes: Uint8Array): Promise<void>;
}

/** @param length declared; absent: chunked */
export function upload(
  asker: Asker,
  path: string,
  { length, headers = {} }: { readonly length?: number; readonly headers?: Record<string, string> } = {},
): Upload {
  const request = httpsRequest({
    host: "localhost",
    port: asker.port,
    ca: asker.ca,
    ...(asker.client === undefined ? {} : { cert: asker.client.chainPem, key: asker.client.keyPem }),
    agent: false,
    method: "POST",
    path,
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      ...(length === undefined ? {} : { "content-length": length }),
      ...headers,
    },
  });
  let taken = 0;
  const closed = new Promise<void>((resolve) => {
    request.once("close", () => resolve());
  });
  const sending = { over: false };
  request.once("response", () => (sending.over = true));
  const answer = read(request);
  // A test looks at it in its own time.
  answer.catch(() => {});
  return {
    request,
    answer,
    taken: () => taken,
    async send(bytes) {
      for (let at = 0; at < bytes.length && !request.destroyed && !sending.over; at += 65_536) {
        const piece = bytes.subarray(at, at + 65_536);
        const hasRoom = request.write(piece);
        if (!hasRoom) await Promise.race([once(request, "drain"), closed]);
        taken += piece.length;
      }
    },
  };
}

async function read(request: ClientRequest): Promise<Answer> {
  const [response] = (await once(request, "response")) as [IncomingMessage];
  // What is still being sent may fail when the answer is there already.
  request.on("error", () => {});
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const isJson = response.headers["content-type"]?.startsWith("application/json") ?? false;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}
