/**
 * `failing`: it failed too often in a row. `paused`: it said for how long it wants to be left alone. `throttled`: it
 * refused with 429 and did not say for how long.
 */
export type OpenReason = "failing" | "paused" | "throttled";

/** What is known of the health of one deployment at one backend, for people and for metrics. */
export interface CircuitState {
  readonly state: "closed" | "open" | "half-open";
  /** Why it is not closed. */
  readonly reason?: OpenReason;
  /** Epoch ms at which it is tried again; while open. */
  readonly until?: number;
  /** What was seen last when it opened: `429`, `503`, `timeout`. */
  readonly seen?: string;
}

/** One place at which requests arrive. */
export interface UpstreamState extends CircuitState {
  readonly backend: string;
  /** What the deployment is called there; empty for what names none. */
  readonly deployment: string;
  /** Requests under way. */
  readonly outstanding: number;
}
