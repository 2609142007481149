import { hash } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { Presented } from "../identity/client-certificate.ts";

/**
 * Counts connections by the certificate that was presented on them. Who presented it holds its key (the handshake is
 * done), so nobody can use up another's share; a connection without a certificate has none, and will be refused anyway.
 */
export class ClientShares {
  readonly #open = new Map<string, number>();

  /** @returns whether it is one more than `most` */
  enter(socket: TLSSocket, { chain }: Presented, most: number): boolean {
    if (chain === undefined) return false;
    const thumbprint = hash("sha256", chain.leaf);
    const open = (this.#open.get(thumbprint) ?? 0) + 1;
    this.#open.set(thumbprint, open);
    socket.once("close", () => {
      const left = (this.#open.get(thumbprint) ?? 1) - 1;
      if (left === 0) this.#open.delete(thumbprint);
      else this.#open.set(thumbprint, left);
    });
    return open > most;
  }
}
