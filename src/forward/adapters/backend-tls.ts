import { isIP } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

/** What the gateway presents to a backend that asks for a certificate. PEM, the chain behind the leaf. */
export interface ClientIdentity {
  readonly cert: string;
  readonly key: string;
}

/** How a backend is met, whichever lane leads to it. */
export interface BackendTlsOptions {
  /** PEM of a private CA, trusted beside the runtime's own roots. */
  readonly ca?: string;
  readonly identity?: ClientIdentity;
  /** The name in SNI that the backend's certificate must bear, in place of its origin's host. */
  readonly serverName?: string;
  /** Made of the above already, for all lanes of the backend together. */
  readonly secureContext?: SecureContext;
}

/**
 * What backends are verified against: the runtime's own roots, with a private CA beside them. Made once a backend:
 * parsing some hundred roots takes 24 ms, which no connection may cost.
 * @throws Error for a certificate and a key that do not belong together
 */
export const backendTls = ({ ca, identity, secureContext }: BackendTlsOptions): SecureContext =>
  secureContext ??
  createSecureContext({
    ...(ca === undefined ? {} : { ca: [...getCACertificates("default"), ca] }),
    ...identity,
  });

/** The host of an origin, an IPv6 address without its brackets. */
export const hostOf = (origin: string): string => new URL(origin).hostname.replace(/^\[(.*)\]$/, "$1");

/** The name for SNI, which the certificate must bear; undefined for an address: SNI holds names only (RFC 6066 3). */
export function serverNameAt(origin: string, { serverName }: BackendTlsOptions): string | undefined {
  const host = hostOf(origin);
  return serverName ?? (isIP(host) === 0 ? host : undefined);
}

/** Connections to one backend. Beyond it requests wait: a burst must not become as many handshakes at once. */
export const mostConnections = 1024;
