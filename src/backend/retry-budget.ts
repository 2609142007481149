/**
 * A bound on retries that do not help: when everything fails, every request would otherwise become several, and the
 * backends would be hit hardest when they can bear least. A retry takes a token; one that is answered well gives it
 * back; each request adds a fraction of one.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #most: number;
  #tokens: number;

  /** @param percent of the requests whose retries may fail; @param burst how many more at once */
  constructor({ percent, burst }: { readonly percent: number; readonly burst: number }) {
    this.#share = percent / 100;
    // Below one token no share would ever become a retry.
    this.#most = percent === 0 ? burst : Math.max(1, burst);
    this.#tokens = burst;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** A request has come. */
  deposit(): void {
    this.#add(this.#share);
  }

  /** @returns whether a retry may be made; then its token is gone until `giveBack` */
  take(): boolean {
    // A sum of fractions stays below the whole by rounding.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens = Math.max(0, this.#tokens - 1);
    return true;
  }

  /** The retry was worth it. */
  giveBack(): void {
    this.#add(1);
  }

  #add(count: number): void {
    this.#tokens = Math.min(this.#most, this.#tokens + count);
  }
}
