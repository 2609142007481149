import type { ObjectKind } from "../../model/object-kind.ts";
import type { Operation } from "../operation.ts";

/** The families of paths: the same operation stands under several. */
const surfaces = {
  /** `/openai/deployments/{deployment}/...`: the deployment stands in the path, the body's `model` is idle. */
  classic: { prefix: "/openai/deployments/{deployment}/", apiVersion: "required" },
  v1: { prefix: "/openai/v1/", apiVersion: "optional" },
  /** `/openai/...?api-version=`. */
  dated: { prefix: "/openai/", apiVersion: "required" },
  /** Azure AI model inference: `/models/...?api-version=`. */
  models: { prefix: "/models/", apiVersion: "required" },
  /** Amazon Bedrock: `/model/{deployment}/...`. */
  bedrock: { prefix: "/model/{deployment}/", apiVersion: "none" },
} as const;

export type Surface = keyof typeof surfaces;

/** A row whose path is relative to each of its surfaces; what is left out has the commonest value. */
export type Row = Pick<Operation, "name" | "method" | "path"> &
  Partial<Omit<Operation, "name" | "method" | "path" | "group" | "apiVersion">>;

/** The rows of one group, spelt out for each surface. */
export const on = (
  where: readonly Surface[],
  group: Operation["group"],
  rows: readonly Row[],
): readonly Operation[] =>
  where.flatMap((surface) =>
    rows.map((row) => {
      const { prefix, apiVersion } = surfaces[surface];
      return {
        ...spellOut(row),
        group,
        apiVersion,
        path: `${prefix}${row.path}`,
        ...(prefix.endsWith("{deployment}/") ? { deployment: "path" as const } : {}),
      };
    }),
  );

/** What a row means that does not say it. */
export const spellOut = (row: Row) =>
  ({
    query: [],
    deployment: "none",
    body: row.form !== undefined ? "multipart" : row.shape === undefined ? "none" : "json",
    shape: "none",
    form: "none",
    streams: "never",
    retryable: row.method === "GET",
    answeredBy: "backend",
    ...row,
  }) as const;

const pages = ["limit", "order", "after"] as const;

export const get = (name: string, path: string, rest: Partial<Row> = {}): Row => ({
  name,
  method: "GET",
  path,
  ...rest,
});
export const post = (name: string, path: string, rest: Partial<Row> = {}): Row => ({
  name,
  method: "POST",
  path,
  ...rest,
});
/** A list of what stands within the object that the path names. */
export const page = (name: string, path: string, rest: Partial<Row> = {}): Row =>
  get(name, path, { ...rest, query: [...pages, ...(rest.query ?? [])] });
/** A list of a kind of objects, whoever made them. */
export const list = (name: string, path: string, lists: ObjectKind, rest: Partial<Row> = {}): Row =>
  page(name, path, { ...rest, lists });
export const remove = (name: string, path: string, deletes?: ObjectKind): Row => ({
  name,
  method: "DELETE",
  path,
  ...(deletes === undefined ? {} : { deletes }),
});
