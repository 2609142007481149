import { fork } from "node:child_process";
import { Calls, type Offers } from "./calls.ts";
import { processPort } from "./process-port.ts";
import type { StartAnswer, WorkerEnd, WorkerProcess } from "./worker-process.ts";

export interface ForkOptions {
  /** The worker's program; it answers the call `start` when it serves. */
  readonly program: URL;
  /** What `start` gets. */
  readonly start: unknown;
  readonly offers: Offers;
}

/**
 * A worker as a process of its own. It writes to the same standard output and error: what a crash leaves there must not
 * depend on anybody who passes it on.
 */
export function forkWorker({ program, start, offers }: ForkOptions): WorkerProcess {
  const child = fork(program, [], {
    // Bytes and undefined arrive as they are.
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let crash: string | undefined;
  const left = Promise.withResolvers<void>();
  const calls = new Calls("the worker", processPort(child), {
    ...offers,
    notices: {
      ...offers.notices,
      crash: (sentence) => {
        crash = String(sentence);
      },
      leaving: () => left.resolve(),
    },
  });
  const { promise: ended, resolve } = Promise.withResolvers<WorkerEnd>();
  const told = (end: WorkerEnd) => resolve({ ...end, ...(crash === undefined ? {} : { crash }) });
  child.once("exit", (code, signal) => told({ code, signal }));
  child.on("error", (fault) => {
    // The process could not be made at all; there is no `exit` then.
    if (child.pid === undefined) told({ code: null, signal: null, crash: fault.message });
  });
  const started = Promise.withResolvers<StartAnswer>();
  // A channel that closes is a process that ends, and says no more than that.
  calls.call("start", start).then(
    (answer) => started.resolve(answer as StartAnswer),
    () => {},
  );
  return {
    pid: child.pid,
    calls,
    started: started.promise,
    leaving: left.promise,
    ended,
    stop: (graceMs) => calls.tell("stop", graceMs),
    kill: () => void child.kill("SIGKILL"),
  };
}
