import type { TLSSocket } from "node:tls";
import { thumbprintOf } from "../gateway/caller.ts";
import { contextConstructed, DerReader, tag } from "../pki/der-reader.ts";

/** `peer [3] EXPLICIT X509 OPTIONAL` in SSL_SESSION_ASN1 of OpenSSL (ssl/ssl_asn1.c). */
const peer = contextConstructed(3);

/**
 * Tells which certificate was presented on a connection, for a twentieth of what it costs to have the certificate: Node
 * makes an object of it that only a garbage collection frees. It is read where `getPeerX509Certificate` takes it from,
 * in OpenSSL's record of the session.
 * @returns SHA-256 of the leaf; undefined where none is found there, and then the certificate itself says more
 */
export function sessionThumbprint(socket: TLSSocket): string | undefined {
  const session = socket.getSession();
  if (session === undefined) return undefined;
  try {
    const fields = new DerReader(session, "TLS session").sequence();
    while (!fields.sees(peer)) fields.raw();
    return thumbprintOf(fields.enter(peer).raw(tag.sequence));
  } catch {
    return undefined;
  } finally {
    // The session's secret stands in it, too.
    session.fill(0);
  }
}
