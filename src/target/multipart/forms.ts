/** What the parts of a multipart body may be. */
export interface Form {
  /** The field `model` names the deployment. */
  readonly model: boolean;
  /** The parts that are files, the only ones. */
  readonly files: ReadonlySet<string>;
  /** The field `purpose` says what the file is, and a batch's file is read line by line. */
  readonly purpose: boolean;
}

const form = (files: readonly string[], rest: Partial<Form> = {}): Form => ({
  model: false,
  purpose: false,
  ...rest,
  files: new Set(files),
});

export const forms = {
  none: form([]),
  transcription: form(["file"], { model: true }),
  images: form(["image", "image[]", "mask"], { model: true }),
  video: form(["input_reference"], { model: true }),
  file: form(["file"], { purpose: true }),
  /** A part of an upload is `data`, a file for a container `file`. */
  part: form(["data", "file"]),
} as const satisfies Readonly<Record<string, Form>>;

export type FormName = keyof typeof forms;
