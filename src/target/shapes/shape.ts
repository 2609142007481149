import type { ObjectKind } from "../../model/object-kind.ts";
import type { Feature } from "../features.ts";
import type { JsonKind } from "../json-scan.ts";

/** Why a body may not pass, though it is good JSON. */
export interface BodyRefusal {
  readonly code: "request_malformed" | "deployment_not_permitted" | "operation_not_permitted";
  readonly why: string;
}

export interface BodyValue {
  readonly kind: JsonKind;
  /** A string's decoded text; undefined for other kinds and for strings too long to be a name. */
  readonly text: string | undefined;
}

/** What the rules of a body may ask about the rest of the request. */
export interface BodyContext {
  /** The request's header names the deployment that draws images. */
  readonly drawsImages: boolean;
  readonly allows: ReadonlySet<Feature>;
}

/**
 * What may stand in one place of a body. Arrays are transparent: the shape of `tools` is that of each of its elements.
 * Keys that no shape mentions are passed, unless they speak of a model, a deployment or an object's id
 * (`unmentioned-keys.ts`).
 */
export interface Shape {
  /** The caller's own data (a schema, a tool's environment): its keys mean nothing to the backend. */
  readonly opaque?: true;
  readonly fields?: ReadonlyMap<string, Shape>;
  /** The values of all other keys: the caller chose these. */
  readonly others?: Shape;
  /** A string here is a name that the target holds; `primary`: the one that decides where the request goes. */
  readonly names?: "primary" | "deployment" | ObjectKind;
  readonly check?: (value: BodyValue, context: BodyContext) => BodyRefusal | undefined;
  /** Looks at an object when it ends, at all its fields, nulls left out. */
  readonly whole?: (fields: ReadonlyMap<string, BodyValue>, context: BodyContext) => BodyRefusal | undefined;
}

export const shape = (fields: Readonly<Record<string, Shape>>, rest: Omit<Shape, "fields"> = {}): Shape => ({
  fields: new Map(Object.entries(fields)),
  ...rest,
});

export const plain: Shape = {};
export const opaque: Shape = { opaque: true };

export const malformed = (why: string): BodyRefusal => ({ code: "request_malformed", why });
export const second = (why: string): BodyRefusal => ({ code: "deployment_not_permitted", why });
export const switchedOff = (feature: Feature): BodyRefusal => ({
  code: "operation_not_permitted",
  why: `is denied unless the operator switches "${feature}" on`,
});

/** Not supported: absent or null only. */
export const absent = (refusal: BodyRefusal): Shape => ({
  check: ({ kind }) => (kind === "null" ? undefined : refusal),
});

export const stored = "names a stored object of a kind that the gateway does not know: not supported yet";
export const storedObject: Shape = absent(malformed(stored));

/** A string out of a list. */
export const oneOf = (
  known: readonly string[],
  refusal: (found: string, context: BodyContext) => BodyRefusal | undefined,
): Shape => {
  const set: ReadonlySet<string> = new Set(known);
  return {
    check: ({ text }, context) =>
      text !== undefined && set.has(text)
        ? undefined
        : refusal(text === undefined ? "that is no name" : text, context),
  };
};

export const boolean: Shape = {
  check: ({ kind }) =>
    kind === "true" || kind === "false" || kind === "null" ? undefined : malformed("must be true or false"),
};

export const string: Shape = {
  check: ({ kind }) => (kind === "string" || kind === "null" ? undefined : malformed("must be a string")),
};

const naming = (what: string, ...kinds: readonly JsonKind[]): NonNullable<Shape["check"]> => {
  const taken: ReadonlySet<JsonKind> = new Set(kinds);
  return ({ kind }) => (kind === "null" || taken.has(kind) ? undefined : malformed(`must be ${what}`));
};

export const deployment: Shape = { names: "deployment", check: naming("a deployment's name", "string") };
export const objectId = (kind: ObjectKind): Shape => ({
  names: kind,
  check: naming("an object's id", "string"),
});
export const objectIds = (kind: ObjectKind): Shape => ({
  names: kind,
  check: naming("a list of ids", "string", "array"),
});
/** Either the id, or an object that holds it as `id`. */
export const objectOrId = (kind: ObjectKind): Shape =>
  shape({ id: objectId(kind) }, { names: kind, check: naming("an object's id", "string", "object") });

export const metadata = { metadata: opaque } as const;

/** What the bodies of inference have in common. */
export const common = {
  ...metadata,
  model: { names: "primary" },
  stream: boolean,
  store: boolean,
  logit_bias: opaque,
  user_security_context: opaque,
} as const satisfies Readonly<Record<string, Shape>>;

export const schemaFormat = shape({ schema: opaque, json_schema: shape({ schema: opaque }) });
