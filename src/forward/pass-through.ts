import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { GatewayError } from "../kernel/errors.ts";

/** A request on the pass-through lane after every decision was made: headers and path are ours, the body is piped. */
export interface PassThroughRequest {
  /** Lower-case names to values; they replace the client's. */
  readonly headers: Record<string, string | string[]>;
  /** Origin-form path and query at the backend. */
  readonly path: string;
  readonly requestId: string;
}

/** The lane for any other HTTPS backend: plain requests and WebSocket upgrades, no retries. */
export interface PassThrough {
  /**
   * Resolves when the answer is complete or the client left.
   * @throws GatewayError `backend_unreachable` or `backend_timeout` while no head was sent; after that the
   * connection is cut, which is the only honest end of half an answer. The signal's reason when it aborts: the backend's
   * side is over then, and nothing more is written to the response.
   */
  request(
    incoming: IncomingMessage,
    response: ServerResponse,
    request: PassThroughRequest,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * Resolves when the tunnel has ended.
   * @param failed called at once with a GatewayError as above while nothing was written to the socket: only during
   * this call can it still be answered, because the library closes it right afterwards
   */
  upgrade(
    incoming: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    request: PassThroughRequest,
    failed: (fault: GatewayError) => void,
  ): Promise<void>;
  close(): void;
}
