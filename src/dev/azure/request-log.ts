/** What a local service received, in order, with a promise for what comes next: tests await events, never time. */
export class RequestLog<T> {
  readonly #seen: T[] = [];
  readonly #waiting: { readonly matches: (entry: T) => boolean; readonly resolve: (entry: T) => void }[] = [];

  get all(): readonly T[] {
    return this.#seen;
  }

  get count(): number {
    return this.#seen.length;
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
    this.#seen.length = 0;
  }

  add(entry: T): void {
    this.#seen.push(entry);
    for (const waiter of this.#waiting.filter(({ matches }) => matches(entry))) {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.resolve(entry);
    }
  }
}
