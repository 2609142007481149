import {
  createHttp1Forwarder,
  type Http1ForwarderOptions,
} from "../../src/forward/adapters/http1/http1-forwarder.ts";
import type { Forwarder, Forwarding } from "../../src/forward/forwarder.ts";
import type { OutboundRequest } from "../../src/model/outbound-request.ts";

/** A forwarder to a backend, with time limits that no good test meets. @param ca PEM */
export const forwarderTo = (
  origin: string,
  ca: string,
  options: Partial<Http1ForwarderOptions> = {},
): Forwarder =>
  createHttp1Forwarder({
    origin,
    ca,
    connectTimeoutMs: 5000,
    firstByteTimeoutMs: 5000,
    idleTimeoutMs: 5000,
    ...options,
  });

/** What a sink heard of one exchange. */
export interface Forwarded extends Forwarding {
  readonly status: number | undefined;
  /** Flat raw pairs. */
  readonly headers: readonly string[];
  readonly body: string;
  /** `under way`, `end`, or the fault. */
  readonly outcome: "under way" | "end" | Error;
  /** The head has come. */
  readonly answered: Promise<void>;
  /** It has ended, or failed. */
  readonly over: Promise<Forwarded>;
}

/** Sends a request and writes down what its sink hears; a call after the end throws. @param hasRoom what `data` answers */
export function forward(
  forwarder: Forwarder,
  request: Partial<OutboundRequest> = {},
  hasRoom: (soFar: number) => boolean = () => true,
): Forwarded {
  const answered = Promise.withResolvers<void>();
  const over = Promise.withResolvers<Forwarded>();
  const pieces: Buffer[] = [];
  let length = 0;
  let status: number | undefined;
  let headers: readonly string[] = [];
  let outcome: Forwarded["outcome"] = "under way";
  const settle = (as: "end" | Error) => {
    if (outcome !== "under way") throw new Error("a sink heard of two ends");
    outcome = as;
    answered.resolve();
    over.resolve(forwarded);
  };
  const forwarding = forwarder.forward(
    { method: "GET", path: "/", headers: [], body: null, ...request },
    {
      head(is, raw) {
        if (status !== undefined || outcome !== "under way") throw new Error("a head at the wrong time");
        [status, headers] = [is, raw];
        answered.resolve();
      },
      data(piece) {
        if (status === undefined || outcome !== "under way") throw new Error("data at the wrong time");
        // Copied: what the forwarder does with the bytes afterwards must not matter.
        pieces.push(Buffer.from(piece));
        length += piece.length;
        return hasRoom(length);
      },
      end: () => settle("end"),
      error: settle,
    },
  );
  const forwarded: Forwarded = {
    get status() {
      return status;
    },
    get headers() {
      return headers;
    },
    get body() {
      return Buffer.concat(pieces).toString("latin1");
    },
    get outcome() {
      return outcome;
    },
    answered: answered.promise,
    over: over.promise,
    resume: () => forwarding.resume(),
    cancel: () => forwarding.cancel(),
  };
  return forwarded;
}
