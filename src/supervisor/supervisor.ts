import type { Clock } from "../kernel/clock.ts";
import { GatewayError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import type { WorkerProcess } from "./worker-process.ts";
import { WorkerSlot, type WorkerState } from "./worker-slot.ts";

export interface SupervisorOptions {
  readonly workers: number;
  readonly spawn: (index: number) => WorkerProcess;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of each process that is gone. */
  readonly onGone?: (index: number, process: WorkerProcess) => void;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
}

/** Rounds of starts without one that served, after which there is no point in another. */
const fruitlessRounds = 5;

/**
 * Keeps N workers running. One that dies is started again after a wait that grows. When none serves and none comes to
 * serve, it says why and gives up, so that whoever started it knows: a restart loop in silence helps nobody.
 */
export class Supervisor {
  readonly #slots: readonly WorkerSlot[];
  readonly #allReady = Promise.withResolvers<void>();
  readonly #gaveUp = Promise.withResolvers<never>();
  /** Deaths before they served, since one served. */
  #fruitless = 0;
  #over = false;

  constructor(options: SupervisorOptions) {
    const { clock, logger, spawn, random } = options;
    this.#slots = Array.from(
      { length: options.workers },
      (_, index) =>
        new WorkerSlot({
          index,
          clock,
          logger,
          spawn,
          ...(random === undefined ? {} : { random }),
          events: {
            ready: () => this.#ready(),
            died: (reason, served, refused) => this.#died(index, reason, served, refused),
            gone: (process) => options.onGone?.(index, process),
          },
        }),
    );
    // Whoever waits hears of it; when nobody does, it must not end the process.
    this.#gaveUp.promise.catch(() => {});
  }

  /**
   * Starts all. Resolves when all serve.
   * @throws GatewayError with the reason of the worker that died last, when there is no point in going on
   */
  start(): Promise<void> {
    for (const slot of this.#slots) slot.start();
    return Promise.race([this.#allReady.promise, this.#gaveUp.promise]);
  }

  /** Never resolves. Rejects when no worker serves and none comes to serve any more. */
  get gaveUp(): Promise<never> {
    return this.#gaveUp.promise;
  }

  get states(): readonly WorkerState[] {
    return this.#slots.map(({ state }) => state);
  }

  /** The processes that serve, by their index. */
  get serving(): ReadonlyMap<number, WorkerProcess> {
    return this.#processes(({ phase }) => phase === "ready");
  }

  /** The processes that can be asked: those that serve, and those that still drain. */
  get answering(): readonly WorkerProcess[] {
    return [...this.#processes(({ phase }) => phase === "ready" || phase === "leaving").values()];
  }

  /** Every process that runs, starting ones too. */
  get running(): readonly WorkerProcess[] {
    return [...this.#processes(() => true).values()];
  }

  /** Tells every process, starting ones too. */
  tell(name: string, value?: unknown): void {
    for (const { calls } of this.running) calls.tell(name, value);
  }

  /** Has all of them drain at the same time. Resolves when all are gone. */
  async stop(graceMs: number): Promise<void> {
    this.#over = true;
    await Promise.all(this.#slots.map((slot) => slot.stop(graceMs)));
  }

  /** Ends all of them at once. */
  kill(): void {
    this.#over = true;
    for (const process of this.running) process.kill();
  }

  #processes(wanted: (state: WorkerState) => boolean): ReadonlyMap<number, WorkerProcess> {
    return new Map(
      this.#slots.flatMap(({ state, process }) =>
        process !== undefined && wanted(state) ? [[state.index, process] as const] : [],
      ),
    );
  }

  #ready(): void {
    this.#fruitless = 0;
    if (this.#slots.every(({ state }) => state.phase === "ready")) this.#allReady.resolve();
  }

  #died(index: number, reason: string, served: boolean, refused: boolean): boolean {
    if (this.#over) return false;
    if (!served) this.#fruitless += 1;
    const states = this.states;
    const noneServes = states.every(({ phase }) => phase !== "ready");
    // What a worker says of itself at the very first start (a port in use, a broken registry) needs no second try.
    const hopeless = refused && states.every(({ proven }) => !proven);
    const tried = this.#fruitless >= fruitlessRounds * states.length;
    if (!noneServes || !(hopeless || tried)) return true;
    this.#over = true;
    const sentence = hopeless
      ? reason
      : `no worker came to serve in ${this.#fruitless} starts, the last was worker ${index}: ${reason}`;
    // First the others' ends, then the word: it is the last.
    void Promise.all(this.#slots.map((slot) => slot.stop(0))).then(() =>
      this.#gaveUp.reject(new GatewayError("internal_error", sentence)),
    );
    return false;
  }
}
