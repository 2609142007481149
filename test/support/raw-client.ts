import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import type { Asker } from "./ask.ts";

/** A request whose every byte the test decides. */
export interface RawRequest {
  /** Default: POST with a body, else GET. */
  readonly method?: string;
  /** Latin-1. */
  readonly target: string;
  /** Whole lines, beside `host`, `content-type` and `content-length`. */
  readonly headers?: readonly string[];
  /** Default with a body: `application/json`; undefined: none. */
  readonly type?: string | undefined;
  readonly body?: string | Uint8Array;
  /** Lines in place of the right `content-length`. */
  readonly framing?: readonly string[];
}

/** The bytes of a request. */
export function rawRequest({ target, headers = [], body, ...rest }: RawRequest): Buffer {
  const bytes = Buffer.from(body ?? "");
  const type = "type" in rest ? rest.type : body === undefined ? undefined : "application/json";
  const lines = [
    `${rest.method ?? (body === undefined ? "GET" : "POST")} ${target} HTTP/1.1`,
    "host: localhost",
    ...(type === undefined ? [] : [`content-type: ${type}`]),
    ...headers,
    ...(rest.framing ?? (body === undefined ? [] : [`content-length: ${bytes.length}`])),
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names; of several the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A TLS connection on which nothing stands between the test and the bytes. */
export class RawConnection {
  readonly #socket: TLSSocket;
  #bytes = "";
  #ended = false;
  #continued = 0;
  #wake = Promise.withResolvers<void>();

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.toString("latin1");
      this.#stir();
    });
    // A reset is an end here: the test looks at what was answered before it.
    socket.on("error", () => {});
    for (const end of ["end", "close"])
      socket.on(end, () => {
        this.#ended = true;
        this.#stir();
      });
  }

  static async open({ port, ca, client }: Asker): Promise<RawConnection> {
    const socket = connect({
      host: "localhost",
      port,
      ca,
      ...(client === undefined ? {} : { cert: client.chainPem, key: client.keyPem }),
    });
    await once(socket, "secureConnect");
    return new RawConnection(socket);
  }

  /** The other side takes no further request here. */
  get ended(): boolean {
    return this.#ended;
  }

  /** How often the other side asked for a body with `100 Continue`. */
  get continued(): number {
    return this.#continued;
  }

  write(bytes: Uint8Array | string): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** The next final answer; undefined when the connection ended before one. */
  async read(): Promise<RawAnswer | undefined> {
    for (;;) {
      const answer = this.#take();
      if (answer !== undefined && answer.status !== 100) return answer;
      if (answer !== undefined) {
        this.#continued += 1;
        continue;
      }
      if (this.#ended) return undefined;
      await this.#wake.promise;
    }
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return;
    // Not `once`, which throws what is an end here.
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once("close", () => resolve());
    this.#socket.end();
    await promise;
  }

  #stir(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  #take(): RawAnswer | undefined {
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end === -1) return undefined;
    const [first = "", ...lines] = this.#bytes.slice(0, end).split("\r\n");
    const status = Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(first)?.[1]);
    const headers = Object.fromEntries(
      lines.map((line) => [line.split(":", 1)[0]?.toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    ) as Record<string, string>;
    const from = end + 4;
    const body =
      status === 100 || status === 204 || status === 304
        ? { text: "", end: from }
        : headers["transfer-encoding"] === "chunked"
          ? this.#chunked(from)
          : this.#counted(from, Number(headers["content-length"] ?? 0));
    if (body === undefined) return undefined;
    this.#bytes = this.#bytes.slice(body.end);
    return { status, headers, body: Buffer.from(body.text, "latin1").toString("utf8") };
  }

  #counted(from: number, length: number): { text: string; end: number } | undefined {
    const end = from + length;
    return this.#bytes.length < end ? undefined : { text: this.#bytes.slice(from, end), end };
  }

  #chunked(from: number): { text: string; end: number } | undefined {
    let text = "";
    for (let at = from; ;) {
      const lineEnd = this.#bytes.indexOf("\r\n", at);
      if (lineEnd === -1) return undefined;
      const size = Number.parseInt(this.#bytes.slice(at, lineEnd), 16);
      const next = lineEnd + 2 + size + 2;
      if (this.#bytes.length < next) return undefined;
      text += this.#bytes.slice(lineEnd + 2, lineEnd + 2 + size);
      if (size === 0) return { text, end: next };
      at = next;
    }
  }
}
