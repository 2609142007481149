/**
 * Kinds of objects that a backend keeps beyond an answer. Each belongs to the client that made it. What only exists
 * below another object (a message of a thread, a part of an upload, an item of a conversation) has no kind: it is
 * reached through its owner's path, and the backend itself refuses a wrong pair.
 */
export const objectKinds = [
  "response",
  "conversation",
  "chat-completion",
  "file",
  "upload",
  "batch",
  "assistant",
  "thread",
  "run",
  "vector-store",
  "container",
  "fine-tuning-job",
  "eval",
  "video",
] as const;

export type ObjectKind = (typeof objectKinds)[number];

/** A stored object as a request names it: by an id that its backend made up. */
export interface ObjectRef {
  readonly kind: ObjectKind;
  /** 1 to 256 printable ASCII characters without separators; compared exactly, case included. */
  readonly id: string;
}
