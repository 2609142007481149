import { constants } from "node:crypto";
import type { SecureContextOptions } from "node:tls";

/** What the listener's TLS side is made of; it can be replaced while connections live. */
export interface TlsMaterial {
  /** Leaf first. */
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
  /** DER of anchors and of configured intermediates: the TLS library's second opinion rests on them. */
  readonly clientCas: readonly Uint8Array[];
}

/**
 * TLS 1.2 at least, and no session resumption: a resumed session replays the old `authorized` and shows no issuers,
 * so a certificate revoked since would stay authorised. CRLs are not given to TLS: see `docs/adr`.
 */
export function secureContextOptions(material: TlsMaterial): SecureContextOptions {
  return {
    cert: material.certificateChainPem,
    key: material.privateKeyPem,
    // An empty list would mean the runtime's own public roots, which must never vouch for a client.
    ca: material.clientCas.length === 0 ? [material.certificateChainPem] : material.clientCas.map(toPem),
    minVersion: "TLSv1.2",
    ciphers:
      "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:" +
      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:" +
      "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
    honorCipherOrder: true,
    // With renegotiation a connection could change its certificate under a verdict about the one before.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}

const toPem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
