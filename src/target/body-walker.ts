import { isDeploymentName } from "../model/deployment-name.ts";
import { isObjectId, type NamedObject, type ObjectKind } from "../model/object-kind.ts";
import { quoteInput } from "../model/quote-input.ts";
import { decodeString, JsonFault } from "./json-scan.ts";
import type { JsonKind, JsonVisitor } from "./json-scan.ts";
import type { BodyContext, BodyRefusal, BodyValue, Shape } from "./shapes/shape.ts";
import { foldKey, isInnocentKey, unmentionedKey } from "./unmentioned-keys.ts";

/** A body that may not pass. */
export class BodyFault extends Error {
  override readonly name = "BodyFault";
  readonly code: BodyRefusal["code"];

  constructor({ code, why }: BodyRefusal, place: string) {
    super(`${quoteInput(place, 200)} ${why}`);
    this.code = code;
  }
}

/** Where a deployment's name stands in the bytes, between its quotes. */
export interface NamePlace {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

interface Frame {
  readonly shape: Shape;
  /** What `shape.whole` will look at; for objects only. */
  readonly fields: Map<string, BodyValue> | undefined;
  /** The key whose value comes next; in an array, the key under which the array stands. */
  key: string;
}

/** Longer strings are content; no rule asks for their text. */
const longestText = 256;
/** Far above what any request names; a bound on what has to be authorised one by one. */
const mostNames = 10_000;

/** Holds a body against its shape while the scanner walks it, and keeps what the target needs. */
export class BodyWalker implements JsonVisitor {
  /** What stands at the shape's `primary` place, as it stands in the bytes; `undefined` where there is none. */
  model: string | undefined;
  /** All other deployments that the body names. */
  readonly deployments: string[] = [];
  readonly objects: NamedObject[] = [];
  /** Of the model and of all other deployments, in the order of the bytes. */
  readonly places: NamePlace[] = [];
  /** The top-level `stream`. */
  stream = false;
  /** The top-level `store`. */
  store: boolean | undefined;
  /** The top-level `type`, short as it is. */
  type: string | undefined;
  /** The top-level `url` of a batch's line. */
  url: string | undefined;

  readonly #bytes: Buffer;
  readonly #context: BodyContext;
  readonly #frames: Frame[] = [];
  /** The shape of the value that comes next, and what that value is called in a refusal. */
  #next: Shape;

  constructor(bytes: Buffer, root: Shape, context: BodyContext) {
    this.#bytes = bytes;
    this.#next = root;
    this.#context = context;
  }

  key(name: string, plain: boolean): void {
    const frame = this.#frames[this.#frames.length - 1];
    if (frame === undefined) return;
    frame.key = name;
    const { shape } = frame;
    if (shape.opaque === true) {
      this.#next = shape;
      return;
    }
    const mentioned = shape.fields?.get(name);
    const refusal = mentioned === undefined ? this.#unmentioned(shape, name) : undefined;
    // A parser that does not decode keys sees another key here than one that does.
    if (!plain && (mentioned !== undefined || refusal !== undefined))
      throw new JsonFault(`the key ${quoteInput(name)} must be spelt without escapes`);
    if (mentioned !== undefined) this.#next = mentioned;
    else if (refusal === undefined) this.#next = shape.others ?? unmentioned;
    else this.#next = { ...shape.others, check: onlyHarmless(refusal, shape.others !== undefined) };
  }

  value(kind: JsonKind, start: number, end: number, plain: boolean): void {
    const shape = this.#next;
    const frame = this.#frames[this.#frames.length - 1];
    const { check, names } = shape;
    if (
      check !== undefined ||
      names !== undefined ||
      frame?.fields !== undefined ||
      this.#frames.length === 1
    ) {
      const value = { kind, text: kind === "string" ? this.#text(start, end, plain) : undefined };
      const refusal = check?.(value, this.#context);
      if (refusal !== undefined) throw new BodyFault(refusal, this.#place());
      if (names !== undefined && this.#named(names, value, plain) && value.text !== undefined)
        this.places.push({ name: value.text, start, end });
      if (kind !== "null" && frame !== undefined) frame.fields?.set(frame.key, value);
      if (this.#frames.length === 1) this.#topLevel(frame?.key, value);
    }
    if (kind !== "object" && kind !== "array") return;
    this.#frames.push({
      shape,
      fields: kind === "object" && shape.whole !== undefined ? new Map() : undefined,
      key: kind === "array" ? "" : "?",
    });
  }

  close(): void {
    const frame = this.#frames.pop();
    if (frame?.fields !== undefined) {
      const refusal = frame.shape.whole?.(frame.fields, this.#context);
      if (refusal !== undefined) throw new BodyFault(refusal, this.#place());
    }
    // Arrays are transparent: what follows inside an array has the array's shape.
    const parent = this.#frames[this.#frames.length - 1];
    if (parent !== undefined) this.#next = parent.shape;
  }

  #topLevel(key: string | undefined, value: BodyValue): void {
    if (key === "stream") this.stream = value.kind === "true";
    else if (key === "store") this.store = value.kind === "null" ? undefined : value.kind === "true";
    else if (key === "type") this.type = value.text;
    else if (key === "url") this.url = value.text;
  }

  /**
   * A name that the target will hold: spelt so that each parser reads the same.
   * @returns whether it is a deployment's
   */
  #named(names: NonNullable<Shape["names"]>, { kind, text }: BodyValue, plain: boolean): boolean {
    if (names === "primary") {
      if (kind !== "string" || text === undefined)
        throw new JsonFault('the body\'s "model" must be a string that names a deployment');
      if (!plain) throw new JsonFault('the body\'s "model" must be spelt without escapes');
      this.model = text;
      return true;
    }
    if (kind !== "string") return false;
    const isDeployment = names === "deployment";
    if (!plain || text === undefined || !(isDeployment ? isDeploymentName(text) : isObjectId(text)))
      throw new JsonFault(
        `${quoteInput(this.#place(), 200)} must hold ${isDeployment ? "a deployment's name" : "an object's id"}, spelt without escapes`,
      );
    if (this.deployments.length + this.objects.length >= mostNames)
      throw new JsonFault("the body names too many deployments and objects");
    if (isDeployment) this.deployments.push(text);
    else this.objects.push(...this.#objectsNamed(names, text));
    return isDeployment;
  }

  /** The lines of a file are reached by the file's own id. Where they need not be known, it is a file as any other. */
  #objectsNamed(kind: ObjectKind, id: string): readonly NamedObject[] {
    if (kind !== "batch_input") return [{ kind, id }];
    const file = { kind: "file", id } as const;
    return this.#context.allows.has("uninspected-batches") ? [file] : [file, { kind, id }];
  }

  #unmentioned(shape: Shape, name: string): BodyRefusal | undefined {
    if (isInnocentKey(name)) return undefined;
    const folded = foldKey(name);
    if (folded !== name && shape.fields?.has(folded) === true)
      throw new JsonFault(`the key ${quoteInput(name)} must be spelt "${folded}"`);
    return unmentionedKey(folded);
  }

  #text(start: number, end: number, plain: boolean): string | undefined {
    if (end - start > longestText) return undefined;
    return plain ? this.#bytes.toString("utf8", start, end) : decodeString(this.#bytes, start, end);
  }

  /** Where the current value stands, for people: `tools[].type`. */
  #place(): string {
    let place = "";
    for (const { key } of this.#frames) place += key === "" ? "[]" : place === "" ? key : `.${key}`;
    return place;
  }
}

const unmentioned: Shape = {};

/** A key that smells of a name holds none where its value is null, or where it is itself a name for an object. */
const onlyHarmless =
  (refusal: BodyRefusal, namesObjects: boolean) =>
  ({ kind }: BodyValue): BodyRefusal | undefined =>
    kind === "null" || (namesObjects && kind === "object") ? undefined : refusal;
