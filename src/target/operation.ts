import type { ObjectKind } from "../model/object-kind.ts";
import type { OperationGroup } from "../model/operation-group.ts";
import type { FormName } from "./multipart/forms.ts";
import type { QueryParameter } from "./query-parameters.ts";
import type { ShapeName } from "./shapes/shapes.ts";

/**
 * Where a request's deployment stands. `body` covers the field `model` of a form too. `optional`: the same, but it may
 * be missing. `lines`: each line of the file that is uploaded. `frames`: what the client says in the WebSocket.
 */
export type DeploymentPlace = "path" | "body" | "optional" | "query" | "lines" | "frames" | "none";

/** One row of the surface that the gateway understands. What is not in the table is `operation_unknown`. */
export interface Operation {
  /** Stable name for policy, logs and metrics. Several rows share one where only the spelling of the URL differs. */
  readonly name: string;
  readonly group: OperationGroup;
  readonly method: "GET" | "POST" | "DELETE";
  /** Fixed segments, `{deployment}`, and `{kind}` for the id of an object of that kind. */
  readonly path: string;
  /** Whether the query may hold `api-version`. */
  readonly apiVersion: "required" | "optional" | "none";
  /** What the query may hold beside it. */
  readonly query: readonly QueryParameter[];
  readonly deployment: DeploymentPlace;
  /** How the gateway must read the body before it may decide; `none`: a body is refused; `either`: as its type says. */
  readonly body: "json" | "multipart" | "either" | "none";
  /** Which shape says what a JSON body may name. */
  readonly shape: ShapeName;
  /** Which form says what the parts of a multipart body may be; `none`: there is no such body. */
  readonly form: FormName;
  /** Where the caller asks for an event stream; `always`: the operation is one. */
  readonly streams: "body.stream" | "query.stream" | "always" | "never";
  /** The kind of object whose id a good answer holds. */
  readonly creates?: ObjectKind;
  /** Where the id of what was created stands in a JSON answer: `id` when absent. */
  readonly createdIn?: string;
  /** `opt-out`: not with `"store": false`. `opt-in`: only with `"store": true`. When absent: always. */
  readonly storage?: "opt-in" | "opt-out";
  readonly lists?: ObjectKind;
  readonly deletes?: ObjectKind;
  /** Whether a second attempt at another backend can do no harm (nothing is created that outlives the answer). */
  readonly retryable: boolean;
  readonly answeredBy: "backend" | "gateway";
  /** The request opens a WebSocket, and what its frames may name. */
  readonly upgrade?: "realtime" | "responses";
}
