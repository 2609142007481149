import { PkiError } from "./pki-error.ts";

/**
 * No honest serial number hashes badly enough to need a tenth of this many probes at a load of one half. A CRL made
 * of collisions (it is read before its signature is checked) ends here instead of in quadratic time.
 */
const maximumProbes = 1024;
const batchSize = 512;

/**
 * Entries on their way into the slots. Each slot lies somewhere else in megabytes of memory: what is put in one by one
 * waits for memory each time, what is put in together waits for many slots at once.
 */
export class SlotBatch {
  readonly #slots: Uint32Array;
  readonly #offsets = new Uint32Array(batchSize);
  readonly #hashes = new Uint32Array(batchSize);
  #count = 0;

  /** @param slots a power of two of them, at least twice as many as entries; 0 is an empty one */
  constructor(slots: Uint32Array) {
    this.#slots = slots;
  }

  /** @param hashed `hashOf` of what is looked up later */
  add(offset: number, hashed: number): void {
    this.#offsets[this.#count] = offset;
    this.#hashes[this.#count] = hashed;
    this.#count += 1;
    if (this.#count === batchSize) this.flush();
  }

  /** Puts in what was added. @throws PkiError where hashes collide too often to be chance */
  flush(): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let i = 0; i < this.#count; i += 1) {
      let slot = (this.#hashes[i] as number) & mask;
      for (let probes = 0; slots[slot] !== 0; probes += 1) {
        if (probes > maximumProbes)
          throw new PkiError("unsupported", "CRL: serial numbers collide on purpose");
        slot = (slot + 1) & mask;
      }
      slots[slot] = (this.#offsets[i] as number) + 1;
    }
    this.#count = 0;
  }
}

/** FNV-1a with MurmurHash3's finaliser: spreads counters as well as random serial numbers. */
export function hashOf(bytes: Uint8Array, start: number, length: number): number {
  let h = 0x811c9dc5;
  for (let i = start; i < start + length; i += 1) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
