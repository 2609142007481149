import type { OutboundRequest } from "../model/outbound-request.ts";

/** Where an answer goes as it arrives. Calls come in the order head, data*, then end or error; error may come at any time. */
export interface AnswerSink {
  /** @param headers flat raw pairs as the backend sent them, duplicates kept. */
  head(status: number, headers: readonly string[]): void;
  /** @returns false when the receiver is full: the forwarder stops reading until `resume`. */
  data(chunk: Uint8Array): boolean;
  end(): void;
  /** A `BackendFault`; or the `BodyBrokenOff` of the request's own body. */
  error(fault: Error): void;
}

/** A forward under way. */
export interface Forwarding {
  /** The receiver has room again. */
  resume(): void;
  /** The client left: the backend call is cancelled, and the sink hears nothing more. */
  cancel(): void;
}

/** One attempt to one backend over pooled, kept-alive, verified TLS connections. */
export interface Forwarder {
  /** A streamed body is consumed, or destroyed when it is not wanted any more. A fault of it ends the request unfinished. */
  forward(request: OutboundRequest, sink: AnswerSink): Forwarding;
  /** Ends idle connections at once and the others when their answers are complete. */
  close(): Promise<void>;
}
