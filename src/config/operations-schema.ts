import { z } from "zod";
import { objectKinds, type ObjectKind } from "../model/object-kind.ts";
import { operationGroups } from "../model/operation-group.ts";
import { features } from "../target/features.ts";
import { forms, type FormName } from "../target/multipart/forms.ts";
import { queryParameters, type QueryParameter } from "../target/query-parameters.ts";
import { shapes, type ShapeName } from "../target/shapes/shapes.ts";

const namesOf = <Name extends string>(table: Readonly<Record<Name, unknown>>) =>
  z.enum(Object.keys(table) as [Name, ...Name[]]);

const objectKind = namesOf<ObjectKind>(objectKinds);

/** A row of the operator's own beside the built-in table: `docs/operations.md` says what each key means. */
export const operationRow = z.strictObject({
  name: z.string(),
  group: z.enum(operationGroups),
  method: z.enum(["GET", "POST", "DELETE"]),
  path: z.string(),
  apiVersion: z.enum(["required", "optional"]).exactOptional(),
  query: z.array(namesOf<QueryParameter>(queryParameters)).exactOptional(),
  deployment: z.enum(["path", "body", "optional", "none"]).exactOptional(),
  body: z.enum(["json", "multipart", "either", "none"]).exactOptional(),
  shape: namesOf<ShapeName>(shapes).exactOptional(),
  form: namesOf<FormName>(forms).exactOptional(),
  streams: z.enum(["body.stream", "query.stream", "never"]).exactOptional(),
  creates: objectKind.exactOptional(),
  createdIn: z.string().min(1).exactOptional(),
  storage: z.enum(["opt-in", "opt-out"]).exactOptional(),
  lists: objectKind.exactOptional(),
  deletes: objectKind.exactOptional(),
  retryable: z.boolean().exactOptional(),
});

export const operationRows = z.array(operationRow).default([]);

/** What is understood but denied unless it stands here. */
export const allowedFeatures = z.array(z.enum(features)).default([]);
