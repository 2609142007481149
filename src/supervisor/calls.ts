import { GatewayError } from "../kernel/errors.ts";
import { type FaultMessage, fromFaultMessage, toFaultMessage } from "../kernel/fault-message.ts";

/** The channel between two processes: whole messages, in order, or not at all. */
export interface MessagePort {
  /** Drops the message where the channel is closed. */
  send(message: Message): void;
  onMessage(listener: (message: Message) => void): void;
  onClose(listener: () => void): void;
}

export type Message =
  | { readonly kind: "call"; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "fault"; readonly id: number; readonly fault: FaultMessage }
  | { readonly kind: "cancel"; readonly id: number }
  | { readonly kind: "notice"; readonly name: string; readonly value: unknown };

/** What one side offers to the other. */
export interface Offers {
  /** What it throws arrives at the caller with its code and sentences. The signal aborts when the caller gave up. */
  readonly calls: Readonly<Record<string, (input: unknown, signal: AbortSignal) => Promise<unknown>>>;
  /** What nobody waits for. */
  readonly notices?: Readonly<Record<string, (value: unknown) => void>>;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (fault: Error) => void;
}

/** Calls in both directions over one channel, between a supervisor and one of its workers: the same program twice. */
export class Calls {
  readonly #port: MessagePort;
  readonly #offers: Offers;
  readonly #peer: string;
  readonly #pending = new Map<number, Pending>();
  readonly #serving = new Map<number, AbortController>();
  #lastId = 0;
  #closed = false;

  /** @param peer for sentences, e.g. `the supervisor` */
  constructor(peer: string, port: MessagePort, offers: Offers) {
    this.#peer = peer;
    this.#port = port;
    this.#offers = offers;
    port.onMessage((message) => this.#take(message));
    port.onClose(() => this.#end());
  }

  /** @throws what the other side threw, the signal's reason, or that the other side is gone */
  async call(name: string, input: unknown, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#gone();
    const id = (this.#lastId += 1);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onAbort = () => {
      this.#port.send({ kind: "cancel", id });
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#pending.set(id, { resolve, reject });
    this.#port.send({ kind: "call", id, name, input });
    try {
      return await promise;
    } finally {
      this.#pending.delete(id);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  tell(name: string, value?: unknown): void {
    if (!this.#closed) this.#port.send({ kind: "notice", name, value });
  }

  #take(message: Message): void {
    switch (message.kind) {
      case "call":
        return void this.#serve(message.id, message.name, message.input);
      case "answer":
        return this.#pending.get(message.id)?.resolve(message.value);
      case "fault":
        return this.#pending.get(message.id)?.reject(fromFaultMessage(message.fault));
      case "cancel":
        return this.#serving.get(message.id)?.abort(new Error(`${this.#peer} gave up waiting`));
      case "notice":
        return this.#hear(message.name, message.value);
    }
  }

  async #serve(id: number, name: string, input: unknown): Promise<void> {
    const ending = new AbortController();
    this.#serving.set(id, ending);
    try {
      const { calls } = this.#offers;
      const offer = Object.hasOwn(calls, name) ? calls[name] : undefined;
      if (offer === undefined) throw new GatewayError("internal_error", `there is no call ${name} here`);
      this.#port.send({ kind: "answer", id, value: await offer(input, ending.signal) });
    } catch (fault) {
      this.#port.send({ kind: "fault", id, fault: toFaultMessage(fault) });
    } finally {
      this.#serving.delete(id);
    }
  }

  #hear(name: string, value: unknown): void {
    const { notices = {} } = this.#offers;
    if (Object.hasOwn(notices, name)) notices[name]?.(value);
  }

  #end(): void {
    this.#closed = true;
    for (const { reject } of this.#pending.values()) reject(this.#gone());
    for (const ending of this.#serving.values()) ending.abort(this.#gone());
  }

  #gone(): Error {
    return new GatewayError("internal_error", `${this.#peer} is gone`);
  }
}
