import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { GatewayError } from "../kernel/errors.ts";
import type { Denied } from "../model/verdict.ts";
import type { Regrant } from "./exchange-draft.ts";

/** A client's wish to upgrade, and what was agreed on about its end. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent behind its request. */
  readonly head: Buffer;
  /** Hears of the grant, which is decided again while the connection is open. */
  readonly granted: Regrant;
  /** Hears, at once, of a backend that failed before a tunnel was there. */
  readonly failed: (fault: GatewayError) => void;
  /**
   * Set once the connection can be ended in its own words: with a WebSocket's close code and reason. Nothing passes
   * after this call; the socket itself is still the caller's to destroy.
   */
  goodbye?: (code: number, reason: string) => void;
}

/** How an upgrade ended that is over: `answer` is the backend's refusal, still to be sent. */
export interface UpgradeOver {
  readonly status: number;
  /** A message was refused, and the client has been told. */
  readonly denied?: Denied;
  /** The gateway ended it for a fault that is in the draft. */
  readonly isFault?: boolean;
  readonly answer?: { readonly headers: readonly string[]; readonly body: Uint8Array };
}

/** A denial to render; how it ended; or undefined once a tunnel has ended, or `failed` was told why not. */
export type UpgradeEnd = Denied | UpgradeOver | undefined;
