import { createHash } from "node:crypto";

interface Kept {
  readonly value: Promise<unknown>;
  readonly close: () => Promise<void>;
  users: number;
}

/**
 * What was made from parts of a configuration. A new configuration takes over what was made from the same words, with
 * all that it has fetched: changing one client must not lose the roots that a vault, which is down, gave an hour ago.
 */
export class KeptParts {
  readonly #kept = new Map<string, Kept>();

  get size(): number {
    return this.#kept.size;
  }

  /**
   * @param owner gives it back when it is disposed of; with its last owner the part is closed
   * @param kind what it is, e.g. `backend sweden`
   * @param from everything that it is made from, as JSON would show it
   * @throws whatever `make` throws; then nothing is kept
   */
  async take<T>(
    owner: AsyncDisposableStack,
    kind: string,
    from: unknown,
    make: () => T | Promise<T>,
    close: (value: T) => void | Promise<void> = () => {},
  ): Promise<T> {
    const key = `${kind} ${fingerprint(from)}`;
    let part = this.#kept.get(key);
    if (part === undefined) {
      const value = (async () => make())();
      part = { value, users: 0, close: async () => close(await value) };
      this.#kept.set(key, part);
    }
    const taken = part;
    taken.users += 1;
    try {
      const value = (await taken.value) as T;
      owner.defer(() => this.#give(key, taken));
      return value;
    } catch (fault) {
      taken.users -= 1;
      if (this.#kept.get(key) === taken) this.#kept.delete(key);
      throw fault;
    }
  }

  async #give(key: string, part: Kept): Promise<void> {
    part.users -= 1;
    if (part.users > 0) return;
    this.#kept.delete(key);
    await part.close();
  }
}

/** The first 16 hex digits of the SHA-256: enough to tell two versions apart, and short enough to read out. */
export const fingerprint = (from: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(from) ?? "undefined")
    .digest("hex")
    .slice(0, 16);
