import { BodyWalker } from "./body-walker.ts";
import type { Feature } from "./features.ts";
import { GrowingBuffer } from "./growing-buffer.ts";
import { readJson } from "./read-json.ts";
import { deployment, malformed, opaque, oneOf, plain, type Shape, shape } from "./shapes/shape.ts";
import { shapes } from "./shapes/shapes.ts";
import { batchEndpoints } from "./shapes/stores.ts";

/** A line that may not pass. The message is a rule, sent to the caller. */
export class BatchLineFault extends Error {
  override readonly name = "BatchLineFault";
  readonly code: "request_malformed" | "deployment_not_permitted" | "operation_not_permitted";

  constructor(code: BatchLineFault["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** The body of an operation, which must name its deployment here. */
const bodyOf = (operation: Shape): Shape => ({
  ...operation,
  fields: new Map([...(operation.fields ?? []), ["model", deployment]]),
  whole: (fields) => (fields.has("model") ? undefined : malformed('must name a deployment in "model"')),
});

/** By the URL of a line, what it may be. */
const lines: ReadonlyMap<string, Shape> = new Map(
  Object.entries(batchEndpoints).map(([url, name]) => [
    url,
    shape({
      custom_id: plain,
      method: oneOf(["POST"], () => malformed("must be POST")),
      url: oneOf([url], () => malformed("is not spelt as it should")),
      body: bodyOf(shapes[name]),
    }),
  ]),
);

/** What the line is about may stand behind its body, so it is looked for first. */
const envelope = shape({ custom_id: plain, url: plain, body: opaque });

const longestLine = 4 * 1024 * 1024;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Reads a batch's input while it streams: each line is the body of a request. All lines name one deployment, as the
 * service demands too, and no stored objects.
 */
export class BatchLines {
  /** Of the first line; undefined until it is complete. */
  deployment: string | undefined;
  readonly #allows: ReadonlySet<Feature>;
  readonly #kept = new GrowingBuffer();
  #line = 0;

  constructor(allows: ReadonlySet<Feature>) {
    this.#allows = allows;
  }

  /** @throws BatchLineFault */
  push(bytes: Buffer): void {
    let from = 0;
    for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, from)) {
      this.#keep(bytes.subarray(from, at));
      this.#read();
      from = at + 1;
    }
    if (from < bytes.length) this.#keep(bytes.subarray(from));
  }

  /** @throws BatchLineFault */
  end(): void {
    this.#read();
    if (this.deployment === undefined)
      throw new BatchLineFault("request_malformed", "A batch's file holds no line that names a deployment.");
  }

  #keep(piece: Buffer): void {
    if (this.#kept.length + piece.length > longestLine)
      throw new BatchLineFault(
        "request_malformed",
        `Line ${this.#line + 1} of the batch is longer than ${longestLine} bytes.`,
      );
    this.#kept.append(piece);
  }

  #read(): void {
    this.#line += 1;
    const bytes = this.#kept.take();
    if (bytes.length === 0 || (bytes.length === 1 && bytes[0] === carriageReturn)) return;
    // White space to JSON, and the end of a line to a reader with universal newlines.
    if (bytes.subarray(0, -1).includes(carriageReturn))
      throw this.#fault("request_malformed", "A carriage return may only stand at the line's end.");
    const context = { drawsImages: false, allows: this.#allows };
    const outer = readJson(bytes, envelope, context);
    if (!(outer instanceof BodyWalker)) throw this.#fault(outer.code, outer.detail);
    const known = lines.get(outer.url ?? "");
    if (known === undefined) throw this.#fault("request_malformed", 'The "url" is no operation of a batch.');
    const found = readJson(bytes, known, context);
    if (!(found instanceof BodyWalker)) throw this.#fault(found.code, found.detail);
    if (found.objects.length > 0)
      throw this.#fault("request_malformed", "A batch's line may not name stored objects.");
    for (const name of found.deployments) {
      this.deployment ??= name;
      if (name !== this.deployment)
        throw this.#fault(
          "deployment_not_permitted",
          "All lines of a batch must name the same deployment, and no second one.",
        );
    }
  }

  #fault(code: string, detail: string): BatchLineFault {
    return new BatchLineFault(code as BatchLineFault["code"], `Line ${this.#line} of the batch: ${detail}`);
  }
}
