import type { Cancel, Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Refreshing } from "../kernel/refreshing.ts";
import type { KeptCrl } from "./held-crl.ts";
import type { CrlSource } from "./ports.ts";

export interface LearntCrlsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The keeper of a source that a certificate named; it must tell its `onChange`. */
  readonly keep: (source: CrlSource) => Refreshing<readonly KeptCrl[]>;
  /** The source at an http(s) URL that a certificate named; it must guard itself. */
  readonly sourceAt: (url: string) => CrlSource;
  /** Milliseconds for which a request waits for a CRL. Default 5,000. */
  readonly waitMs?: number;
  /** Milliseconds for which a URL that failed is left alone. Default 30,000. */
  readonly failureMs?: number;
  /** Milliseconds after its arrival at which a CRL that no decision has asked is forgotten. Default one hour. */
  readonly unusedMs?: number;
  /** How many URLs are kept. Default 100. */
  readonly maximum?: number;
}

interface Learnt {
  readonly kept: Refreshing<readonly KeptCrl[]>;
  /** Settles with whether the first fetch worked. */
  readonly first: Promise<boolean>;
  held: readonly KeptCrl[];
  /** Monotonic ms at which `held` came. */
  heldSince: number;
}

/** After its nextUpdate no verdict rests on a CRL, or not for long: what has no successor by then has none. */
const overMs = 7 * 86_400_000;
/** One certificate names one or two; each costs a download. */
const mostUrlsAtOnce = 8;
const longestUrl = 2048;

/**
 * CRLs from the distribution points of certificates, learnt when a decision lacked them and refreshed from then on like
 * the configured ones. Everything is bounded, since certificates steer it: how many, how long anybody waits, and how
 * often a URL that fails is tried.
 */
export class LearntCrls {
  readonly #options: LearntCrlsOptions;
  readonly #known = new Map<string, Learnt>();
  /** URL to the monotonic ms until which it is left alone. */
  readonly #failed = new Map<string, number>();
  #cancelSweep: Cancel | undefined;
  #stopped = false;

  constructor(options: LearntCrlsOptions) {
    this.#options = options;
  }

  usable(): readonly KeptCrl[] {
    return [...this.#known.values()].flatMap(({ kept }) => kept.usable() ?? []);
  }

  /**
   * Fetches what is not known yet, once for all who ask.
   * @returns whether something new came within the wait. Never throws.
   */
  async fetch(urls: readonly string[]): Promise<boolean> {
    const wanted = [...new Set(urls.map(normalise))].filter((url) => url !== undefined);
    const news = await Promise.all(wanted.slice(0, mostUrlsAtOnce).map((url) => this.#learn(url)));
    return news.includes(true);
  }

  /** Looks at each source now. */
  async refresh(): Promise<void> {
    await Promise.allSettled([...this.#known.values()].map(({ kept }) => kept.refresh()));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelSweep?.();
    for (const { kept } of this.#known.values()) kept.stop();
  }

  #learn(url: string): Promise<boolean> {
    const { clock, logger, maximum = 100 } = this.#options;
    const known = this.#known.get(url);
    // What is there already did not help; it is refreshed by itself.
    if (known !== undefined) return known.held.length > 0 ? Promise.resolve(false) : this.#wait(known.first);
    if (this.#stopped || clock.monotonic() < (this.#failed.get(url) ?? 0)) return Promise.resolve(false);
    if (this.#known.size >= maximum) this.#forgetUnused();
    if (this.#known.size >= maximum) {
      logger.warn(
        { url, maximum },
        "a distribution point is not followed: as many as are allowed are in use",
      );
      return Promise.resolve(false);
    }
    const kept = this.#options.keep(this.#options.sourceAt(url));
    const first = kept.refresh().then(
      () => this.#arrived(url),
      () => this.#giveUp(url),
    );
    this.#known.set(url, { kept, first, held: [], heldSince: clock.monotonic() });
    return this.#wait(first);
  }

  #wait(first: Promise<boolean>): Promise<boolean> {
    const { clock, waitMs = 5_000 } = this.#options;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const cancel = clock.after(waitMs, () => resolve(false));
    void first.then(resolve).finally(cancel);
    return promise;
  }

  #arrived(url: string): boolean {
    this.#failed.delete(url);
    this.#note();
    this.#planSweep();
    return this.#known.has(url);
  }

  /** Nothing came: it is not tried again by itself, and not at once for the next who asks. */
  #giveUp(url: string): boolean {
    const { clock, failureMs = 30_000, maximum = 100 } = this.#options;
    this.#known.get(url)?.kept.stop();
    this.#known.delete(url);
    for (const [other, until] of this.#failed)
      if (until <= clock.monotonic() || this.#failed.size >= maximum * 10) this.#failed.delete(other);
    this.#failed.set(url, clock.monotonic() + failureMs);
    return false;
  }

  /** Notes since when each source has what it has now. */
  #note(): void {
    for (const learnt of this.#known.values()) {
      const now = learnt.kept.usable() ?? [];
      if (now.length === learnt.held.length && now.every(({ crl }, at) => learnt.held[at]?.crl === crl))
        continue;
      learnt.held = now;
      learnt.heldSince = this.#options.clock.monotonic();
    }
  }

  #planSweep(): void {
    const { clock, unusedMs = 3_600_000 } = this.#options;
    this.#cancelSweep?.();
    if (this.#stopped || this.#known.size === 0) return;
    this.#cancelSweep = clock.after(unusedMs / 2, () => {
      this.#forgetUnused();
      this.#planSweep();
    });
  }

  /**
   * A new CRL has every running exchange judged again, so one that nobody asked since it came is in use by nobody. One
   * that was asked stays until it is replaced or long over: verdicts that rest on it may still be kept.
   */
  #forgetUnused(): void {
    const { clock, logger, unusedMs = 3_600_000 } = this.#options;
    const now = clock.now();
    this.#note();
    for (const [url, { kept, held, heldSince }] of this.#known) {
      if (held.length === 0 || clock.monotonic() - heldSince < unusedMs) continue;
      if (held.some(({ crl }) => crl.wasAsked && now - (crl.nextUpdate ?? now) < overMs)) continue;
      logger.info({ url }, "a distribution point is forgotten: no decision uses it");
      kept.stop();
      this.#known.delete(url);
    }
  }
}

/** The URL in one spelling; undefined for one that is not followed. */
function normalise(text: string): string | undefined {
  const url = text.length <= longestUrl ? URL.parse(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) return undefined;
  if (url.username !== "" || url.password !== "") return undefined;
  url.hash = "";
  return url.href;
}
