import type { NamedObject, ObjectKind } from "./object-kind.ts";
import type { OperationGroup } from "./operation-group.ts";

/** What a request names: made by `target/` from the one canonical spelling of a request, or not at all. */
export interface Target {
  /** The operation's stable name, e.g. `chat-completions`; operations are an allow-list. */
  readonly operation: string;
  /** What a grant must cover for this operation. */
  readonly group: OperationGroup;
  /** Every deployment that the request names, each once, the one that decides where it goes first. */
  readonly deployments: readonly string[];
  /** Every stored object that path, query or body name, each once, in the order of the bytes. */
  readonly objects: readonly NamedObject[];
  /** A good answer holds the id of a new object of this kind, which then belongs to the caller. */
  readonly creates?: ObjectKind;
  /** The deployment that the lines of an uploaded file name, which is the input of batches then. */
  readonly linesFor?: string;
  /** The answer lists objects of this kind, whoever made them. */
  readonly lists?: ObjectKind;
  /** A good answer ends the object of this kind that the path names. */
  readonly deletes?: ObjectKind;
  /** Rebuilt from the parse, never the raw bytes: an absolute path without query. */
  readonly path: string;
  /** Rebuilt from the parse, without `?`; empty when there is none. */
  readonly query: string;
  /** Headers that name a deployment of this target, as flat pairs, to be sent with those of the allow-list. */
  readonly headers: readonly string[];
  /** The caller asked for an event stream. In a multipart body: before the target was known. */
  readonly stream: boolean;
  /** A second attempt at another backend can do no harm. */
  readonly retryable: boolean;
}
