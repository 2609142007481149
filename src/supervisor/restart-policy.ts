export interface RestartPolicyOptions {
  /** First wait; it doubles with each further death that came soon. Default 200 ms. */
  readonly firstMs?: number;
  /** Longest wait. Default 30,000 ms. */
  readonly longestMs?: number;
  /** Milliseconds of service after which a death is a first one again. Default 60,000. */
  readonly provenMs?: number;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/** When a worker that died is started again: soon for an accident, ever later for one that keeps dying. */
export class RestartPolicy {
  readonly #options: RestartPolicyOptions;
  #deaths = 0;

  constructor(options: RestartPolicyOptions = {}) {
    this.#options = options;
  }

  /** Deaths in a row, each soon after its start. */
  get deaths(): number {
    return this.#deaths;
  }

  /**
   * @param servedMs how long it served; undefined when it never came to that
   * @returns milliseconds to wait; never less than half of the first wait, so that no restart is a hot loop
   */
  waitAfterDeath(servedMs: number | undefined): number {
    const { firstMs = 200, longestMs = 30_000, provenMs = 60_000, random = Math.random } = this.#options;
    this.#deaths = servedMs !== undefined && servedMs >= provenMs ? 1 : this.#deaths + 1;
    const wait = Math.min(firstMs * 2 ** Math.min(this.#deaths - 1, 20), longestMs);
    // Varied, so that workers that fell together do not rise, and fall, together.
    return wait * (1 - 0.5 * random());
  }
}
