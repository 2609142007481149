import type { UpstreamState } from "../model/upstream-state.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";

/** How much is under way at a backend, whichever deployment it is for. */
export interface BackendLoad {
  /** Its name in the configuration. */
  readonly backend: string;
  /** How many requests may be under way at once. */
  readonly concurrency: number | undefined;
  outstanding: number;
}

/** An attempt that is under way. */
export interface Lease {
  /** How it went, once that is known; the first word counts. */
  tell(outcome: AttemptOutcome): void;
  /** It is over. Without a word before, nothing is learnt from it. */
  end(): void;
}

/** One deployment at one backend: several pools may lead to it, and share what is known of it. */
export class Upstream {
  /** What it is called there. */
  readonly deployment: string;
  readonly breaker: CircuitBreaker;
  readonly #load: BackendLoad;
  #outstanding = 0;

  constructor(deployment: string, load: BackendLoad, breaker: CircuitBreaker) {
    this.deployment = deployment;
    this.#load = load;
    this.breaker = breaker;
  }

  get backend(): string {
    return this.#load.backend;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  get isFull(): boolean {
    const { concurrency, outstanding } = this.#load;
    return concurrency !== undefined && outstanding >= concurrency;
  }

  begin(): Lease {
    const tell = this.breaker.begin();
    this.#outstanding += 1;
    this.#load.outstanding += 1;
    let ended = false;
    return {
      tell,
      end: () => {
        if (ended) return;
        ended = true;
        this.#outstanding -= 1;
        this.#load.outstanding -= 1;
        tell("given up");
      },
    };
  }

  state(): UpstreamState {
    return {
      backend: this.backend,
      deployment: this.deployment,
      outstanding: this.#outstanding,
      ...this.breaker.state(),
    };
  }
}
