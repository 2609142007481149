import type { Target } from "./target.ts";

declare const decided: unique symbol;

/** The proof that a client may do what a request names. Only `policy/` makes one; there is no other way to the brand. */
export interface Grant {
  readonly [decided]: "request";
  /** The client entry's name. */
  readonly client: string;
  readonly target: Target;
  /** The deployment that decides where the request goes; absent only where the operation names none. */
  readonly deployment?: string;
}

/** The proof that a client may use a pass-through route. Only `policy/` makes one. */
export interface RouteGrant {
  readonly [decided]: "route";
  readonly client: string;
  /** The route's name in the configuration. */
  readonly route: string;
}
