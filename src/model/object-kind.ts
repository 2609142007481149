/**
 * The kinds of objects that outlive a request, and how each is found: `own` by its id alone, so that whoever knows the
 * id reaches it; others within another object only, which the same request names.
 */
export const objectKinds = {
  response: "own",
  completion: "own",
  conversation: "own",
  item: "conversation",
  file: "own",
  upload: "own",
  part: "upload",
  batch: "own",
  /** The lines of a file that were read when it was uploaded. */
  batch_input: "file",
  assistant: "own",
  thread: "own",
  message: "thread",
  run: "thread",
  step: "run",
  vector_store: "own",
  file_batch: "vector_store",
  container: "own",
  container_file: "container",
  job: "own",
  eval: "own",
  eval_run: "eval",
  output_item: "eval_run",
  video: "own",
} as const;

export type ObjectKind = keyof typeof objectKinds;

/** An object that a request names. */
export interface NamedObject {
  readonly kind: ObjectKind;
  readonly id: string;
}

/** Whether an id of this kind says by itself which object is meant: these have an owner to be checked. */
export const isOwnKind = (kind: ObjectKind): boolean => objectKinds[kind] === "own";

export const isObjectKind = (text: string): text is ObjectKind => Object.hasOwn(objectKinds, text);

/** The one spelling of an object's id; ids compare exactly. */
export const isObjectId = (text: string): boolean => /^[A-Za-z0-9_-]{1,128}$/.test(text);
