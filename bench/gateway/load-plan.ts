/** What the load program is told, as JSON in its first argument. */
export type LoadPlan = LoadTarget & Shape;

interface LoadTarget {
  /** How many of the clients take part; absent: all. */
  readonly mostClients?: number;
  readonly port: number;
  /** PEM files. Clients take their certificate from the list in turn. */
  readonly ca: string;
  readonly clients: readonly { readonly cert: string; readonly key: string }[];
  /** Path, body and extra headers of the one request that is sent again and again. */
  readonly request: LoadRequest;
  /** Not measured, before what is. */
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Whose processor time is read at both ends of the measured time. */
  readonly proxyPids: readonly number[];
  readonly backendPids: readonly number[];
}

export interface LoadRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  /** A file with the body. */
  readonly bodyFile?: string;
  readonly contentType?: string;
}

type Shape =
  /** So many connections, each with one request under way at any time. */
  | { readonly kind: "closed"; readonly connections: number }
  /** Requests begin when they are due, whatever became of those before. */
  | { readonly kind: "open"; readonly connections: number; readonly perSecond: number }
  /** So many clients that connect, ask once and leave. */
  | { readonly kind: "handshakes"; readonly connections: number }
  /** So many event streams; each event holds the time at which it was sent. */
  | { readonly kind: "streams"; readonly connections: number }
  /** So many connections that asked once and then stay. */
  | { readonly kind: "idle"; readonly connections: number };

/** What it measured, as one line of JSON. Times in milliseconds. */
export interface LoadResult {
  readonly seconds: number;
  /** Answers 200 that were complete within the measured time. */
  readonly answers: number;
  /** Bytes of their bodies, and of the requests'. */
  readonly bytesDown: number;
  readonly bytesUp: number;
  /** Any other status, broken connection or failed handshake; with an example. */
  readonly failures: number;
  readonly failure?: string;
  /** From the intended start to the end of the answer. */
  readonly latency: Percentiles;
  /** Streams only: to the first byte of the body, and from an event's sending to its arrival. */
  readonly firstByte: Percentiles;
  readonly event: Percentiles;
  /** Open loop only: how late requests left, for whatever reason. A part of the latency. */
  readonly late: Percentiles;
  readonly proxyCpu: number;
  readonly backendCpu: number;
  readonly loadCpu: number;
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}
