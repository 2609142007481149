import { startCertgate, type Certgate } from "../compose.ts";
import type { Config } from "../config/schema.ts";
import { withoutPrototypes } from "../config/without-prototypes.ts";
import type { Cancel, Clock } from "../kernel/clock.ts";
import { describeFault } from "../kernel/errors.ts";
import { Calls, type MessagePort } from "../supervisor/calls.ts";
import type { StartAnswer } from "../supervisor/worker-process.ts";
import { createLogger } from "../telemetry/logger.ts";
import { fingerprint } from "./kept-parts.ts";
import type { ReloadOutcome } from "./reload.ts";
import { type FromWorker, workerOrigins } from "./worker-origins.ts";

/** What a supervisor sends a worker first. The configuration was read and checked once, for all of them. */
export interface WorkerStart {
  readonly index: number;
  readonly port: number;
  readonly config: Config;
}

/** A worker's own end of the life that its supervisor leads it. */
export interface Worker {
  /** Resolves with the exit code when there is nothing left to do. */
  readonly ended: Promise<number>;
  /** Drains, within `graceMs`, and ends; where nothing runs yet, ends at once. */
  leave(graceMs: number): void;
  /** Tells the supervisor of the fault that is about to end this process. */
  crash(fault: unknown): void;
}

export interface WorkerOptions {
  readonly clock: Clock;
  /** Milliseconds for the drain when the supervisor is gone and cannot say. */
  readonly graceMs: number;
}

/** Several pieces of news come together when all workers start, or look at several sources. */
const newsPauseMs = 50;

/** Waits for the supervisor's word, serves, and leaves when it says so or is gone. */
export function createWorker(port: MessagePort, { clock, graceMs }: WorkerOptions): Worker {
  const { promise: ended, resolve: end } = Promise.withResolvers<number>();
  const newsListeners = new Set<() => void>();
  let running: Certgate | undefined;
  let starting: Promise<unknown> = Promise.resolve();
  let pushed: Config | undefined;
  let leaving = false;
  let cancelNews: Cancel | undefined;

  const leave = (grace: number) => {
    if (leaving) return;
    leaving = true;
    cancelNews?.();
    calls.tell("leaving");
    if (running === undefined) return end(0);
    void running.stop(grace).then(
      () => end(0),
      () => end(1),
    );
  };
  const start = async ({ index, port: shared, config: sent }: WorkerStart): Promise<StartAnswer> => {
    const config = withoutPrototypes(sent);
    try {
      running = await startCertgate(config, {
        clock,
        // The supervisor reads it, checks it and sends it.
        reload: {
          load: async () => ({ ok: true, config: pushed ?? config, problems: [] }),
          files: () => [],
          pollMs: 3_600_000,
        },
        log: createLogger({ level: config.log.level, worker: index }),
        seat: {
          port: shared,
          origins: (of) => {
            const names = fingerprint(of);
            return workerOrigins(of, (question, signal) =>
              calls.call("fetch", { version: names, question } satisfies FromWorker, signal),
            );
          },
          onNews: (listener) => void newsListeners.add(listener),
        },
      });
      return { ready: true };
    } catch (fault) {
      // The answer goes first.
      setImmediate(() => end(1));
      return { ready: false, refusal: describeFault(fault) };
    }
  };
  const calls: Calls = new Calls("the supervisor", port, {
    calls: {
      start(input) {
        const answer = start(input as WorkerStart);
        starting = answer;
        return answer;
      },
      async reload(input): Promise<ReloadOutcome> {
        await starting;
        pushed = withoutPrototypes(input as Config);
        if (running === undefined) throw new Error("the worker did not start");
        return running.reload();
      },
      ping: async () => undefined,
      readiness: async () => running?.readiness() ?? [],
      metrics: async () => (await running?.metrics.snapshot()) ?? [],
    },
    notices: {
      stop: (grace) => leave(Number(grace)),
      news() {
        cancelNews?.();
        cancelNews = clock.after(newsPauseMs, () => {
          for (const tell of newsListeners) tell();
        });
      },
    },
  });
  // Nobody would ever end a worker without a supervisor, or give it a token.
  port.onClose(() => leave(graceMs));
  return { ended, leave, crash: (fault) => calls.tell("crash", describeFault(fault)) };
}
