import { Worker } from "node:worker_threads";
import type { Cancel, Clock } from "../kernel/clock.ts";
import type { CrlWork } from "./crl-work.ts";
import { toShared } from "./shared-bytes.ts";

/** One piece of work for the worker, as a message. */
export interface CrlRequest {
  readonly id: number;
  readonly work: keyof CrlWork;
  readonly input: readonly (Uint8Array | number)[];
}

/** Its outcome. `fault`: a sentence, since errors lose their kind on the way between threads. */
export type CrlReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly fault: string };

export interface CrlThreadOptions {
  readonly clock: Clock;
  /** Milliseconds without work after which the thread ends. Default 10,000. */
  readonly idleMs?: number;
  /** Milliseconds for one piece of work; a thread that takes longer is ended. Default 60,000. */
  readonly timeoutMs?: number;
  /** The worker's program; for tests of a thread that dies. */
  readonly program?: URL;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (fault: Error) => void;
  readonly cancelTimeout: Cancel;
}

/** What goes to another thread: no octet is copied that is in shared memory already. */
const shared = (input: Uint8Array | number) => (typeof input === "number" ? input : toShared(input));

/** From the sources (type stripping) as from the build: the worker's program is of the same kind as this file. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "./crl-worker.ts" : "./crl-worker.js",
  import.meta.url,
);

/**
 * A worker thread for CRLs that are too large for the thread that serves requests. It is started when there is work and
 * ends when there was none for a while. If it dies, what it was asked fails and the next request starts another.
 */
export class CrlThread {
  readonly #options: CrlThreadOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #cancelIdle: Cancel | undefined;
  #lastId = 0;

  constructor(options: CrlThreadOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** @throws Error with a sentence: the input is at fault, or the thread died. */
  async run<K extends keyof CrlWork>(
    work: K,
    ...input: Parameters<CrlWork[K]>
  ): Promise<ReturnType<CrlWork[K]>> {
    const { clock, timeoutMs = 60_000 } = this.#options;
    this.#cancelIdle?.();
    const worker = (this.#worker ??= this.#start());
    const id = (this.#lastId += 1);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancelTimeout = clock.after(timeoutMs, () =>
      this.#end(worker, new Error(`the CRL thread took longer than ${timeoutMs} ms`)),
    );
    this.#pending.set(id, { resolve, reject, cancelTimeout });
    // Only while there is work the thread keeps the process alive.
    worker.ref();
    const request: CrlRequest = { id, work, input: input.map(shared) };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(request);
    return (await promise) as ReturnType<CrlWork[K]>;
  }

  stop(): void {
    if (this.#worker !== undefined) this.#end(this.#worker, new Error("the CRL thread was stopped"));
  }

  #start(): Worker {
    // Nothing of the parent's own is inherited: not its arguments for Node, and not its environment.
    const worker = new Worker(this.#options.program ?? program, { execArgv: [], argv: [], env: {} });
    worker.on("message", (reply: CrlReply) => this.#settle(reply));
    worker.once("error", (fault: Error) =>
      this.#end(worker, new Error("the CRL thread died", { cause: fault })),
    );
    worker.once("exit", () => this.#end(worker, new Error("the CRL thread ended")));
    return worker;
  }

  #settle(reply: CrlReply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    this.#pending.delete(reply.id);
    pending.cancelTimeout();
    if ("fault" in reply) pending.reject(new Error(reply.fault));
    else pending.resolve(reply.value);
    if (this.#pending.size === 0) this.#rest();
  }

  #rest(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.unref();
    const { clock, idleMs = 10_000 } = this.#options;
    this.#cancelIdle = clock.after(idleMs, () => this.#end(worker, new Error("the CRL thread ended")));
  }

  #end(worker: Worker, fault: Error): void {
    // A thread that was replaced already says nothing about the one that runs.
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#cancelIdle?.();
    for (const { reject, cancelTimeout } of this.#pending.values()) {
      cancelTimeout();
      reject(fault);
    }
    this.#pending.clear();
    void worker.terminate();
  }
}
