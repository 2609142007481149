import { duplexPair } from "node:stream";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import { GatewayError } from "../kernel/errors.ts";
import { capturePresented } from "./presented-chain.ts";
import { secureContextOptions, type TlsMaterial } from "./tls-context.ts";

/**
 * Proves, in memory, that the running Node shows the intermediates that a client presents. Some versions show the
 * leaf only (24.21.0); on them every client behind an intermediate CA would be refused for the wrong reason.
 * The handshake borrows the gateway's own certificate as the client's, twice: only the capture is looked at.
 * @throws GatewayError `internal_error`
 */
export async function provePresentedChainIsVisible(material: TlsMaterial): Promise<void> {
  const [near, far] = duplexPair();
  const server = new TLSSocket(near, {
    isServer: true,
    requestCert: true,
    rejectUnauthorized: false,
    secureContext: createSecureContext(secureContextOptions(material)),
  });
  const client = connect({
    socket: far,
    rejectUnauthorized: false,
    key: material.privateKeyPem,
    cert: `${material.certificateChainPem}\n${material.certificateChainPem}`,
  });
  try {
    const seen = await new Promise<number>((resolve, reject) => {
      server.once("secure", () => {
        const atOnce = issuersSeen(server);
        // A caller that was remembered is read again when it is denied, which can be at any time.
        setImmediate(() => resolve(Math.min(atOnce, issuersSeen(server))));
      });
      server.once("error", reject);
      client.once("error", reject);
    });
    if (seen < 1)
      throw new GatewayError(
        "internal_error",
        `Node ${process.version} hides the intermediate certificates that clients present; use 26.10 or newer`,
      );
  } finally {
    client.destroy();
    server.destroy();
  }
}

const issuersSeen = (socket: TLSSocket): number => capturePresented(socket).chain?.others.length ?? -1;
