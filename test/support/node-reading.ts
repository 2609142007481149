import { type IncomingMessage, request } from "node:http";
import { Duplex } from "node:stream";

/** An answer as somebody read it. */
export interface Reading {
  readonly status: number;
  /** Flat raw pairs. */
  readonly headers: readonly string[];
  readonly body: string;
}

/**
 * What Node's own client makes of the bytes that a server sends before it ends the connection.
 * @returns undefined where it takes them for no complete answer
 */
export function readByNode(pieces: readonly Uint8Array[], method: string): Promise<Reading | undefined> {
  const { promise, resolve } = Promise.withResolvers<Reading | undefined>();
  const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const asking = request({ method, createConnection: () => connection });
  asking.once("error", () => resolve(undefined));
  const gone = () => resolve(undefined);
  asking.once("close", gone);
  asking.once("upgrade", () => resolve(undefined));
  asking.once("response", (answer: IncomingMessage) => {
    // It may come before the end of an answer that is whole.
    asking.off("close", gone);
    answer.once("close", gone);
    const body: Buffer[] = [];
    answer.on("data", (piece: Buffer) => body.push(piece));
    answer.once("error", () => resolve(undefined));
    answer.once("end", () =>
      resolve(
        answer.complete
          ? {
              status: answer.statusCode ?? 0,
              headers: answer.rawHeaders,
              body: Buffer.concat(body).toString("latin1"),
            }
          : undefined,
      ),
    );
  });
  asking.end();
  for (const piece of pieces) connection.push(Buffer.from(piece));
  connection.push(null);
  return promise.finally(() => connection.destroy());
}
