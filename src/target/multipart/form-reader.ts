import { isUtf8 } from "node:buffer";
import { BatchLineFault, BatchLines } from "../batch-lines.ts";
import type { Feature } from "../features.ts";
import { brokenModelRule } from "../read-json.ts";
import { unmentionedKey } from "../unmentioned-keys.ts";
import { GrowingBuffer } from "../growing-buffer.ts";
import type { Form } from "./forms.ts";
import { MultipartFault } from "./multipart-fault.ts";
import type { PartHead } from "./part-head.ts";
import type { MultipartVisitor } from "./push-parser.ts";

/** A prompt is the longest field that is no file. */
const longestField = 128 * 1024;

/** Holds the parts of a form against its rules while they stream, and keeps what the target needs. */
export class FormReader implements MultipartVisitor {
  model: string | undefined;
  stream = false;
  /** A batch's input; undefined where no file began, or the file is none. */
  lines: BatchLines | undefined;

  readonly #form: Form;
  readonly #allows: ReadonlySet<Feature>;
  readonly #seen = new Set<string>();
  #purpose: string | undefined;
  #part: PartHead | undefined;
  readonly #field = new GrowingBuffer();
  #files = 0;
  /** What is wrong with the lines of a file that may yet turn out to be none of a batch. */
  #lineFault: BatchLineFault | undefined;

  readonly #inPath: string | undefined;

  /** @param inPath the deployment in the path; the field `model` is idle then */
  constructor(form: Form, allows: ReadonlySet<Feature>, inPath: string | undefined) {
    this.#form = form;
    this.#allows = allows;
    this.#inPath = inPath;
  }

  /** A file is being read, and all that the target needs is known. What stands behind a file is waited for. */
  get isSettled(): boolean {
    if (this.#part?.isFile !== true) return false;
    if (this.#form.model) return this.model !== undefined || this.#inPath !== undefined;
    if (!this.#form.purpose) return true;
    return this.#purpose === "batch" ? this.lines?.deployment !== undefined : this.#purpose !== undefined;
  }

  part(part: PartHead): void {
    const { name, isFile } = part;
    if (this.#seen.has(name) && !name.endsWith("[]"))
      throw new MultipartFault(`the part "${name}" stands twice`);
    // PHP and Rails read `model[]` as `model`.
    const [root = ""] = name.split("[");
    if (
      root !== name &&
      (this.#seen.has(root) || root === "model" || root === "purpose" || root === "stream")
    )
      throw new MultipartFault(`the part "${name}" stands for "${root}" in a second spelling`);
    if (root === name && [...this.#seen].some((other) => other.startsWith(`${name}[`)))
      throw new MultipartFault(`the part "${name}" stands in two spellings`);
    this.#seen.add(name);
    if (isFile !== this.#form.files.has(name))
      throw new MultipartFault(
        isFile
          ? `the part "${name}" may not be a file`
          : `the part "${name}" must be a file, with a file name`,
      );
    this.#part = part;
    if (isFile) this.#fileBegins();
    else if (!(name === "model" && this.#form.model)) this.#unmentioned(name);
  }

  data(bytes: Buffer): void {
    if (this.#part?.isFile === true) {
      this.#inspect(() => this.lines?.push(bytes));
      return;
    }
    if (this.#field.length + bytes.length > longestField)
      throw new MultipartFault(`the part "${this.#part?.name}" is longer than ${longestField} bytes`);
    this.#field.append(bytes);
  }

  partEnd(): void {
    const part = this.#part;
    this.#part = undefined;
    if (part?.isFile === true) this.#inspect(() => this.lines?.end());
    else if (part !== undefined) this.#fieldEnds(part.name);
  }

  /** @throws MultipartFault, BatchLineFault */
  end(): void {
    if (!this.#form.purpose) return;
    if (this.#purpose === undefined) throw new MultipartFault('the form must say its "purpose"');
    if (this.#files === 0) throw new MultipartFault("the form must hold its file");
  }

  #fileBegins(): void {
    this.#files += 1;
    if (!this.#form.purpose) return;
    // Without a purpose yet it is read as a batch's, to know the answer when the purpose comes.
    if (this.#purpose === undefined || this.#purpose === "batch") this.lines = new BatchLines(this.#allows);
  }

  #inspect(step: () => void): void {
    if (this.lines === undefined || this.#lineFault !== undefined) return;
    try {
      step();
    } catch (error) {
      if (!(error instanceof BatchLineFault) || this.#purpose === "batch") throw error;
      this.#lineFault = error;
    }
  }

  #fieldEnds(name: string): void {
    const bytes = this.#field.take();
    if (!isUtf8(bytes)) throw new MultipartFault(`the part "${name}" is not valid UTF-8`);
    const text = bytes.toString("utf8");
    if (name === "model" && this.#form.model) this.#modelIs(text);
    else if (name === "stream") {
      if (text !== "true" && text !== "false")
        throw new MultipartFault('the part "stream" must be true or false');
      this.stream = text === "true";
    } else if (name === "purpose" && this.#form.purpose) this.#purposeIs(text);
  }

  #modelIs(text: string): void {
    // It may come when the target was decided long ago.
    const rule =
      this.#inPath === undefined
        ? brokenModelRule(text, "body", undefined)
        : brokenModelRule(text, "elsewhere", this.#inPath);
    if (rule !== undefined) throw new MultipartFault(rule);
    this.model = text;
  }

  #purposeIs(text: string): void {
    // Exactly: a receiver that trims or folds would see a batch where this does not.
    if (!/^[a-z][a-z_-]{0,31}$/.test(text)) throw new MultipartFault('the part "purpose" is not a purpose');
    this.#purpose = text;
    if (text !== "batch") this.lines = undefined;
    else if (this.#lineFault !== undefined) throw this.#lineFault;
  }

  #unmentioned(name: string): void {
    for (const segment of name.split(/[[\]]+/)) {
      const refusal = unmentionedKey(segment);
      if (refusal !== undefined)
        throw new MultipartFault(
          `the part "${name}" ${refusal.why}`,
          refusal.code === "deployment_not_permitted" ? refusal.code : "request_malformed",
        );
    }
  }
}
