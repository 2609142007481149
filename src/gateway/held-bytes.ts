/** Shorter pieces are copied together. */
const shortest = 4096;
const blockBytes = 16 * 1024;

/**
 * A body while it is held, piece by piece as it came. The sender chooses the pieces: kept as they come, chunks of one byte
 * each would cost hundreds of times the memory that a limit in bytes allows. So short ones are copied together, and what
 * is held costs a small multiple of its length, whatever it came in.
 */
export class HeldBytes {
  readonly #blocks: Uint8Array[] = [];
  #length = 0;
  #open: Buffer | undefined;
  #used = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Uint8Array): void {
    // Most bodies are one short piece, which needs no copy.
    if (piece.byteLength >= shortest || this.#length === 0) {
      this.#close();
      this.#blocks.push(piece);
    } else {
      if (this.#open !== undefined && this.#used + piece.byteLength > blockBytes) this.#close();
      this.#open ??= Buffer.allocUnsafeSlow(blockBytes);
      this.#open.set(piece, this.#used);
      this.#used += piece.byteLength;
    }
    this.#length += piece.byteLength;
  }

  /** Everything that was pushed, in one piece; then nothing is held any more. */
  take(): Uint8Array {
    this.#close();
    const [first] = this.#blocks;
    const all = this.#blocks.length === 1 && first !== undefined ? first : Buffer.concat(this.#blocks);
    this.drop();
    return all;
  }

  drop(): void {
    this.#blocks.length = 0;
    this.#length = 0;
    this.#open = undefined;
    this.#used = 0;
  }

  #close(): void {
    if (this.#open === undefined) return;
    // A block of which little was used is not kept for it.
    const used = this.#open.subarray(0, this.#used);
    this.#blocks.push(this.#used < blockBytes / 2 ? Buffer.from(used) : used);
    this.#open = undefined;
    this.#used = 0;
  }
}
