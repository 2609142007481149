import type { Clock } from "../kernel/clock.ts";
import type { CircuitState, OpenReason } from "../model/upstream-state.ts";
import { askedPause } from "./asked-pause.ts";
import { type AttemptOutcome, isFailingStatus } from "./attempt-outcome.ts";

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it opens first; twice as long each further time. */
  readonly openMs: number;
  /** How long it opens at most, whatever a backend asks for. */
  readonly maxOpenMs: number;
  readonly slowStartMs: number;
}

interface Opening {
  readonly reason: OpenReason;
  /** Monotonic ms: a clock that is set ends no opening, and prolongs none. */
  readonly until: number;
  readonly seen: string;
}

/** First pause after a 429 without a hint. */
const firstThrottleMs = 1000;
/** A recovered backend begins with this share of its weight. */
const firstShare = 0.1;

/**
 * Passive health of one deployment at one backend. It knows what happened to requests and nothing else. A pause that
 * the backend asked for is believed, and over when it is over; after any other opening one request at a time is let
 * through, until one of them is answered.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  #failuresInARow = 0;
  /** How often it opened in a row without a good answer in between. */
  #openings = 0;
  #open: Opening | undefined;
  #probing = false;
  #recoveredAt: number | undefined;

  constructor(options: BreakerOptions, clock: Clock, random: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
  }

  state(): CircuitState {
    const open = this.#current();
    if (open === undefined) return { state: "closed" };
    const { reason, until, seen } = open;
    const leftMs = until - this.#clock.monotonic();
    return leftMs > 0
      ? { state: "open", reason, until: this.#clock.now() + leftMs, seen }
      : { state: "half-open", reason, seen };
  }

  /** Whether a request may be sent now. */
  get admits(): boolean {
    const open = this.#current();
    return open === undefined || (this.#clock.monotonic() >= open.until && !this.#probing);
  }

  /** Milliseconds until a request may be sent, as far as is known. */
  get waitMs(): number {
    const open = this.#current();
    return open === undefined ? 0 : Math.max(0, open.until - this.#clock.monotonic());
  }

  /** Its share of its weight: below 1 for a while after a recovery. */
  get share(): number {
    if (this.#recoveredAt === undefined) return 1;
    const share = (this.#clock.monotonic() - this.#recoveredAt) / this.#options.slowStartMs;
    if (share >= 1) this.#recoveredAt = undefined;
    return Math.min(1, Math.max(firstShare, share));
  }

  /** A request is sent. @returns what must be told how it went: the first word counts */
  begin(): (outcome: AttemptOutcome | "given up") => void {
    const isProbe = this.#current() !== undefined && !this.#probing && this.waitMs === 0;
    if (isProbe) this.#probing = true;
    let told = false;
    return (outcome) => {
      if (told) return;
      told = true;
      if (isProbe) this.#probing = false;
      if (outcome !== "given up") this.#learn(outcome, isProbe);
    };
  }

  /** What a request taught, or a question of the gateway's own. */
  learn(outcome: AttemptOutcome): void {
    this.#learn(outcome, this.#current() !== undefined && this.waitMs === 0);
  }

  #learn(outcome: AttemptOutcome, isProbe: boolean): void {
    if (outcome.kind !== "answered") return this.#failed(outcome.kind, isProbe);
    const { status, headers } = outcome;
    const pause = askedPause(status, headers, this.#clock.now());
    if (pause !== undefined && pause.ms > 0) {
      if (!pause.refused) this.#served(isProbe);
      return this.#opens("paused", pause.ms, String(status));
    }
    if (status === 429) {
      if (this.#current() !== undefined && !isProbe) return;
      this.#openings += 1;
      return this.#opens("throttled", this.#doubled(firstThrottleMs), "429");
    }
    if (isFailingStatus(status)) return this.#failed(String(status), isProbe);
    this.#served(isProbe);
  }

  #served(isProbe: boolean): void {
    this.#failuresInARow = 0;
    // An answer to a request that was sent before it opened says nothing about now.
    if (this.#open !== undefined && !isProbe) return;
    if (this.#open?.reason === "failing" && this.#options.slowStartMs > 0)
      this.#recoveredAt = this.#clock.monotonic();
    this.#openings = 0;
    this.#open = undefined;
  }

  #failed(seen: string, isProbe: boolean): void {
    this.#failuresInARow += 1;
    const already = this.#current();
    // Those that were under way when it opened must not make it open for longer and longer.
    if (already !== undefined && !isProbe) return;
    if (!isProbe && this.#failuresInARow < this.#options.failures) return;
    this.#openings += 1;
    this.#opens("failing", this.#doubled(this.#options.openMs), seen);
  }

  #doubled(ms: number): number {
    const bounded = Math.min(this.#options.maxOpenMs, ms * 2 ** Math.min(this.#openings - 1, 30));
    // Replicas that saw the same outage do not all come back at the same instant.
    return bounded * (1 - 0.1 * this.#random());
  }

  #opens(reason: OpenReason, ms: number, seen: string): void {
    const until = this.#clock.monotonic() + Math.min(ms, this.#options.maxOpenMs);
    const already = this.#current();
    if (already !== undefined && already.until >= until) return;
    // A pause ends by itself; what failed before it is proved by a probe all the same.
    this.#open = { reason: already?.reason === "failing" ? "failing" : reason, until, seen };
  }

  /** What it is open for; a pause that is over is over. */
  #current(): Opening | undefined {
    const open = this.#open;
    if (open === undefined) return undefined;
    if (open.reason === "paused" && this.#clock.monotonic() >= open.until) {
      this.#open = undefined;
      this.#openings = 0;
      this.#failuresInARow = 0;
    }
    return this.#open;
  }
}
