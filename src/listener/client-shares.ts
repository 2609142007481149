/**
 * Counts connections by the certificate that was presented on them. Who presented it holds its key (the handshake is
 * done), so nobody can use up another's share; a connection without a certificate has none, and will be refused anyway.
 */
export class ClientShares {
  readonly #open = new Map<string, number>();

  /**
   * @param thumbprint undefined where none was presented
   * @returns whether it is one more than `most`
   */
  enter(thumbprint: string | undefined, most: number): boolean {
    if (thumbprint === undefined) return false;
    const open = (this.#open.get(thumbprint) ?? 0) + 1;
    this.#open.set(thumbprint, open);
    return open > most;
  }

  /** To be called once for each that entered. */
  leave(thumbprint: string | undefined): void {
    if (thumbprint === undefined) return;
    const left = (this.#open.get(thumbprint) ?? 1) - 1;
    if (left === 0) this.#open.delete(thumbprint);
    else this.#open.set(thumbprint, left);
  }
}
