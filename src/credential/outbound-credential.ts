import type { RefreshingState } from "../kernel/refreshing.ts";

/** The gateway's own identity towards backends. One file a mode under `adapters/`. */
export interface OutboundCredential {
  /** Its name in the configuration. */
  readonly name: string;
  /**
   * The headers that authenticate a request, as flat pairs: `["authorization", "Bearer ..."]`. Waits only when no
   * usable value is at hand.
   * @throws GatewayError `credential_unavailable`, or the signal's reason: an abort ends this caller's wait only
   */
  headers(signal?: AbortSignal): Promise<readonly string[]>;
  state(): RefreshingState;
  /** Begins to fetch in the background, so that the first request finds a value. */
  start(): void;
  stop(): void;
}
