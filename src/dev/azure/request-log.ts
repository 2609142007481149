const kept = 1000;

/** What a local service received, in order, with a promise for what comes next: tests await events, never time. */
export class RequestLog<T> {
  #seen: T[] = [];
  #count = 0;
  readonly #waiting: { readonly matches: (entry: T) => boolean; readonly resolve: (entry: T) => void }[] = [];

  /** The last thousand. */
  get all(): readonly T[] {
    return this.#seen;
  }

  /** Every entry since the start or the last `clear`. */
  get count(): number {
    return this.#count;
  }

  get last(): T | undefined {
    return this.#seen.at(-1);
  }

  /** The next matching entry that arrives after this call. */
  next(matches: (entry: T) => boolean = () => true): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#waiting.push({ matches, resolve });
    return promise;
  }

  /** Forgets what was seen; those who wait go on waiting. */
  clear(): void {
    this.#seen = [];
    this.#count = 0;
  }

  add(entry: T): void {
    this.#count += 1;
    this.#seen.push(entry);
    // `certgate dev` runs for days, and entries hold whole bodies.
    if (this.#seen.length > kept) this.#seen.shift();
    for (const waiter of this.#waiting.filter(({ matches }) => matches(entry))) {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.resolve(entry);
    }
  }
}
