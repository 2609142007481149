import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

/**
 * What backends are verified against: the runtime's own roots, with a private CA beside them. Made once a backend:
 * parsing some hundred roots takes 24 ms, which no connection may cost.
 * @param ca PEM of the private CA; absent: the runtime's roots alone
 */
export const backendTls = (ca: string | undefined): SecureContext =>
  createSecureContext(ca === undefined ? {} : { ca: [...getCACertificates("default"), ca] });

/** Connections to one backend. Beyond it requests wait: a burst must not become as many handshakes at once. */
export const mostConnections = 1024;
