import { describeFault } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";

/** Listeners that are told of a change, each on its own: one that throws is logged and costs the others nothing. */
export class ChangeNotice<T> {
  readonly #listeners = new Set<(value: T) => void>();
  readonly #logger: Logger;
  readonly #what: string;

  constructor(logger: Logger, what: string) {
    this.#logger = logger;
    this.#what = what;
  }

  /** @returns the way to end it; calling that twice does nothing */
  listen(listener: (value: T) => void): () => void {
    // Its own function, so that one listener that was given twice is two.
    const own = (value: T) => listener(value);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  tell(value: T): void {
    for (const listener of this.#listeners)
      try {
        listener(value);
      } catch (fault) {
        this.#logger.error(
          { what: this.#what, reason: describeFault(fault) },
          "a listener failed to follow a change",
        );
      }
  }
}
