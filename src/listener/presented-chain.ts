import type { TLSSocket } from "node:tls";
import type { Presented } from "../identity/client-certificate.ts";

/** A peer can send a long list: what lies beyond this is not looked at, and a path that needs it is not found. */
const mostCertificates = 16;

/**
 * Captures what a peer presented. On some Node versions later calls of the same getters lose the issuers, and on a resumed
 * session all of them show the leaf only: `runtime-check.ts` proves that this one shows them, later too. The walk follows
 * the list as it was sent; it proves nothing about who issued whom.
 */
export function capturePresented(socket: TLSSocket): Presented {
  const tls = socket.authorized
    ? { authorized: true }
    : { authorized: false, error: String(socket.authorizationError ?? "unknown") };
  const leaf = socket.getPeerX509Certificate();
  // Looked at first: without a certificate Node reports the misleading UNABLE_TO_GET_ISSUER_CERT.
  if (leaf === undefined) return { chain: undefined, tls };
  const others: Uint8Array[] = [];
  for (
    let at = leaf.issuerCertificate;
    at !== undefined && others.length < mostCertificates;
    at = at.issuerCertificate
  )
    others.push(at.raw);
  return { chain: { leaf: leaf.raw, others }, tls };
}
