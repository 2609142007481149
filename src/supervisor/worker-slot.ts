import type { Cancel, Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/logger.ts";
import { silenceMs, watchHeartbeat } from "./heartbeat.ts";
import { RestartPolicy } from "./restart-policy.ts";
import { describeEnd, type WorkerProcess } from "./worker-process.ts";

/**
 * `leaving`: it was told to end by somebody else, takes no connections any more, and is started anew when it has ended.
 * `waiting`: it died, and is started again after its wait.
 */
export type WorkerPhase = "starting" | "ready" | "leaving" | "waiting" | "stopped";

export interface WorkerState {
  readonly index: number;
  readonly phase: WorkerPhase;
  readonly pid?: number;
  /** How often it was started again. */
  readonly restarts: number;
  /** Whether it ever served. */
  readonly proven: boolean;
  /** Why it died last, in a sentence. */
  readonly lastDeath?: string;
  /** Epoch ms of the next start, while waiting. */
  readonly startsAt?: number;
}

/** What a slot tells its supervisor. */
export interface SlotEvents {
  ready(): void;
  /**
   * @param reason a sentence
   * @param refused it said itself why it cannot serve; the same start would fail in the same way
   * @returns whether it is started again
   */
  died(reason: string, served: boolean, refused: boolean): boolean;
  /** Its process is gone, whatever comes next. */
  gone(process: WorkerProcess): void;
}

export interface WorkerSlotOptions {
  readonly index: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly spawn: (index: number) => WorkerProcess;
  readonly events: SlotEvents;
  readonly random?: () => number;
}

/** A drain that ends in time still needs a moment to leave. */
const goodbyeMs = 3000;

/** A million clients take half a minute; one that does not come to serve by then never will. */
const longestStartMs = 300_000;

/** One worker's place: a process, its successors, and the waits between them. */
export class WorkerSlot {
  readonly #options: WorkerSlotOptions;
  readonly #policy: RestartPolicy;
  #process: WorkerProcess | undefined;
  #phase: WorkerPhase = "waiting";
  #starts = 0;
  #proven = false;
  #lastDeath: string | undefined;
  #startsAt = 0;
  #cancelStart: Cancel | undefined;
  #stopping = false;

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
    this.#policy = new RestartPolicy(options.random === undefined ? {} : { random: options.random });
  }

  get state(): WorkerState {
    const { index } = this.#options;
    const pid = this.#process?.pid;
    return {
      index,
      phase: this.#phase,
      restarts: Math.max(0, this.#starts - 1),
      proven: this.#proven,
      ...(pid === undefined ? {} : { pid }),
      ...(this.#lastDeath === undefined ? {} : { lastDeath: this.#lastDeath }),
      ...(this.#phase === "waiting" ? { startsAt: this.#startsAt } : {}),
    };
  }

  /** The process that can be asked; undefined while there is none. */
  get process(): WorkerProcess | undefined {
    return this.#process;
  }

  start(): void {
    void this.#live();
  }

  /** Resolves when the process is gone: drained, or killed after `graceMs` and a moment. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#cancelStart?.();
    const process = this.#process;
    this.#phase = "stopped";
    if (process === undefined) return;
    process.stop(graceMs);
    const cancel = this.#options.clock.after(graceMs + goodbyeMs, () => process.kill());
    await process.ended;
    cancel();
  }

  async #live(): Promise<void> {
    const { index, clock, logger, spawn, events } = this.#options;
    const process = spawn(index);
    this.#process = process;
    this.#phase = "starting";
    this.#starts += 1;
    let readyAt: number | undefined;
    let silence: string | undefined;
    const endSilent = (said: string) => {
      silence = said;
      logger.error({ worker: index, pid: process.pid, reason: said }, "a worker is ended");
      process.kill();
    };
    let cancelWatch = clock.after(longestStartMs, () =>
      endSilent(`it did not come to serve within ${longestStartMs / 1000} s`),
    );
    const answer = await Promise.race([process.started, process.ended.then(() => undefined)]);
    cancelWatch();
    if (answer?.ready === true && !this.#stopping) {
      readyAt = clock.monotonic();
      this.#phase = "ready";
      this.#proven = true;
      logger.info({ worker: index, pid: process.pid }, "the worker is ready");
      cancelWatch = watchHeartbeat({
        clock,
        calls: process.calls,
        onSilent: () => endSilent(`it did not answer for ${silenceMs / 1000} s`),
      });
      void this.#noteLeaving(process);
      events.ready();
    }
    const end = await process.ended;
    cancelWatch();
    this.#process = undefined;
    events.gone(process);
    if (this.#stopping) return;
    const refusal = answer?.ready === false ? answer.refusal : undefined;
    const reason = silence ?? refusal ?? describeEnd(end);
    this.#lastDeath = reason;
    const served = readyAt === undefined ? undefined : clock.monotonic() - readyAt;
    const wait = this.#policy.waitAfterDeath(served);
    this.#phase = "waiting";
    this.#startsAt = clock.now() + wait;
    if (!events.died(reason, served !== undefined, refusal !== undefined)) return;
    logger.error(
      { worker: index, reason, deathsInARow: this.#policy.deaths, nextStartInMs: Math.round(wait) },
      "a worker died; it is started again",
    );
    this.#cancelStart = clock.after(wait, () => this.start());
  }

  async #noteLeaving(process: WorkerProcess): Promise<void> {
    await process.leaving;
    if (this.#process === process && this.#phase === "ready") this.#phase = "leaving";
  }
}
