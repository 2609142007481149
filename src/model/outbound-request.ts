import type { Readable } from "node:stream";
import type { Denied } from "./verdict.ts";

/** A body that is held: it can be read, signed, and sent again. */
export type WholeBody = Uint8Array | null;

/**
 * A body that is still on its way from the client. It is sent once. What a receiver needs to see the end of it is kept
 * back until the last byte was found good.
 */
export interface StreamedBody {
  /** Of the whole, in bytes; undefined where the client does not say. */
  readonly length: number | undefined;
  /** Its beginning: all that was read until its target was known, so a form's `model` stands in here. */
  readonly held: Uint8Array;
  /**
   * What follows. It ends only when all of it was found good; else it is destroyed, with a `BodyBrokenOff`. Destroying
   * it stops the reading of the client's body.
   */
  readonly rest: Readable;
}

/** What a backend is sent: a body, or null where the operation has none. */
export type OutboundBody = WholeBody | StreamedBody;

export const isStreamed = (body: OutboundBody): body is StreamedBody =>
  body !== null && !(body instanceof Uint8Array);

/** Why a streamed body will never be whole. The backend must not see its end. */
export class BodyBrokenOff extends Error {
  override readonly name = "BodyBrokenOff";
  /** What is wrong with it; undefined when the client left. */
  readonly denied: Denied | undefined;

  constructor(denied?: Denied) {
    super(denied?.detail ?? "the client left while it sent its body");
    this.denied = denied;
  }
}

/** One request to one backend, built from the parse: nothing in it is the client's raw bytes unless it was proved. */
export interface OutboundRequest {
  readonly method: string;
  /** Origin-form: path and query. */
  readonly path: string;
  /** Flat raw pairs: name, value, name, value. `host` and framing headers are the forwarder's own. */
  readonly headers: readonly string[];
  readonly body: OutboundBody;
  /** Milliseconds to the answer's head, where that must be shorter than the backend's own. */
  readonly firstByteTimeoutMs?: number;
}
