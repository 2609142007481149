import { isStreamed } from "../../../model/outbound-request.ts";
import type { Forwarder } from "../../forwarder.ts";
import type { WayToBackend } from "../way-to-backend.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { Exchange } from "./exchange.ts";
import { requestHead } from "./request-head.ts";

export interface Http1ForwarderOptions extends WayToBackend {
  /** Sent in `Host`, in place of the origin's host and port. */
  readonly hostHeader?: string;
  /** From the request sent to the answer's head. */
  readonly firstByteTimeoutMs: number;
  /** Between two pieces of the answer. */
  readonly idleTimeoutMs: number;
}

/**
 * HTTP/1.1 to one backend, written for this gateway: see `docs/adr` for why, and for what proves it.
 * @throws Error for a client certificate and a key that do not belong together
 */
export function createHttp1Forwarder(options: Http1ForwarderOptions): Forwarder {
  const { hostHeader, origin, firstByteTimeoutMs: longest } = options;
  const host = hostHeader ?? new URL(origin).host;
  const pool = new ConnectionPool(options);
  return {
    forward(request, sink) {
      const { body } = request;
      const wait = Math.min(longest, request.firstByteTimeoutMs ?? longest);
      const exchange = new Exchange(request, wait, sink);
      if (isStreamed(body)) {
        // It can break off while it waits for a connection; and who listens only now does not hear of what was before.
        body.rest.once("error", (fault) => exchange.fail(fault, true));
        if (body.rest.destroyed) return unsent(exchange, body.rest.errored ?? new Error("a destroyed body"));
      }
      try {
        exchange.head = requestHead(request, host, isStreamed(body) ? body.length : (body?.length ?? "none"));
      } catch (fault) {
        return unsent(exchange, fault as Error);
      }
      pool.take(exchange);
      return exchange;
    },
    close: () => pool.close(),
  };
}

/** It fails in the next turn: who has sent it does not expect that before it has what cancels it. */
function unsent(exchange: Exchange, fault: Error): Exchange {
  process.nextTick(() => exchange.fail(fault, false));
  return exchange;
}
