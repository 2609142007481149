import type { RefreshingState } from "../kernel/refreshing.ts";
import type { OutboundRequest, WholeBody } from "../model/outbound-request.ts";

/** A request that lacks nothing but its credential. Signing credentials sign exactly this; the others do not look. */
export interface RequestToAuthenticate extends Omit<OutboundRequest, "body"> {
  /** Scheme, host and port of the backend. */
  readonly origin: string;
  /** `unseen`: it is piped as it comes, so nothing can be signed over it. */
  readonly body: WholeBody | "unseen";
  /** Of the backend, where signatures are made for one. */
  readonly region?: string;
}

/** The gateway's own identity towards backends. One file a mode under `adapters/`. */
export interface OutboundCredential {
  /** Its name in the configuration. */
  readonly name: string;
  /**
   * The headers that authenticate a request, as flat pairs: `["authorization", "Bearer ..."]`. Waits only when no
   * usable value is at hand.
   * @throws GatewayError `credential_unavailable`, or the signal's reason: an abort ends this caller's wait only
   */
  headers(request: RequestToAuthenticate, signal?: AbortSignal): Promise<readonly string[]>;
  /**
   * The same without any wait: what it gives for every request alike, where that is at hand. Absent, or undefined: ask
   * `headers`.
   */
  atHand?(): readonly string[] | undefined;
  /**
   * A backend answered 401 to these headers: the value in them may have been revoked or replaced early.
   * @returns true when asking `headers` again gives another value, so that one more try is worth it
   */
  refused(headers: readonly string[]): boolean;
  state(): RefreshingState;
  /** Begins to fetch in the background, so that the first request finds a value. */
  start(): void;
  stop(): void;
}
