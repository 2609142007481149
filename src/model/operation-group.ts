/**
 * The groups of operations that a grant can name. An operation that `target/` puts into a group is granted with the
 * group and with nothing else.
 */
export const operationGroups = [
  "inference",
  "stored-completions",
  "conversations",
  "realtime",
  "files",
  "batches",
  "assistants",
  "vector-stores",
  "fine-tuning",
  "evals",
  "videos",
  "admin",
] as const;

export type OperationGroup = (typeof operationGroups)[number];

/** What a grant covers that names no operations. */
export const defaultOperationGroups: readonly OperationGroup[] = ["inference"];
