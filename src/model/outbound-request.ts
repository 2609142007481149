/** What a backend is sent: a whole body, or null where the operation has none. */
export type OutboundBody = Uint8Array | null;

/** One request to one backend, built from the parse: nothing in it is the client's raw bytes unless it was proved. */
export interface OutboundRequest {
  readonly method: string;
  /** Origin-form: path and query. */
  readonly path: string;
  /** Flat raw pairs: name, value, name, value. `host` and framing headers are the forwarder's own. */
  readonly headers: readonly string[];
  readonly body: OutboundBody;
}
