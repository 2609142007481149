/** What a request names: made by `target/` from the one canonical spelling of a request, or not at all. */
export interface Target {
  /** The operation's stable name, e.g. `chat-completions`; operations are an allow-list. */
  readonly operation: string;
  /** Every deployment that the request names, each once. Empty only for operations that name none. */
  readonly deployments: readonly string[];
  /** Rebuilt from the parse, never the raw bytes: an absolute path without query. */
  readonly path: string;
  /** Rebuilt from the parse, without `?`; empty when there is none. */
  readonly query: string;
  /** The caller asked for an event stream. */
  readonly stream: boolean;
}
