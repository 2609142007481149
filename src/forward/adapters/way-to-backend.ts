import type { BackendTlsOptions } from "./backend-tls.ts";

/** How connections to one backend are made, whichever lane leads to it. */
export interface WayToBackend extends BackendTlsOptions {
  /** `https://host[:port]` */
  readonly origin: string;
  /** An HTTP proxy, asked to CONNECT: TLS goes through it, and it sees nothing but the host. */
  readonly proxy?: string;
  /** To the end of the TLS handshake, or of each of both when a proxy comes before it. */
  readonly connectTimeoutMs: number;
}
