import type { Clock } from "../kernel/clock.ts";
import type { Logger } from "../kernel/logger.ts";
import { describeFault } from "../kernel/errors.ts";
import { Refreshing, type RefreshingState } from "../kernel/refreshing.ts";
import type { RegistryReader, RegistryReading, RegistryVersion } from "./ports.ts";

export interface KeptRegistryOptions<T> {
  readonly reader: RegistryReader;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pollMs: number;
  /** Makes a new value out of the last one and what was read. The last one stays in use until the new one is whole. */
  readonly load: (reading: RegistryReading, last: T | undefined) => Promise<T>;
}

/** A registry that is read when it changes. The last value that could be read stays in use. */
export class KeptRegistry<T> {
  readonly #options: KeptRegistryOptions<T>;
  readonly #refreshing: Refreshing<T>;
  readonly #listeners: (() => void)[] = [];
  #loaded: { readonly value: T; readonly version: RegistryVersion } | undefined;
  #version = 0;

  constructor(options: KeptRegistryOptions<T>) {
    const { reader, clock, log, pollMs } = options;
    this.#options = options;
    this.#refreshing = new Refreshing({
      name: reader.name,
      clock,
      intervalMs: pollMs,
      cooldownMs: Math.min(pollMs, 1000),
      maxCooldownMs: Math.max(pollMs, 30_000),
      jitter: 0,
      fetch: () => this.#read().then((value) => ({ value })),
      onError: (fault) =>
        log.error(
          { registry: reader.name, fault: describeFault(fault) },
          "the registry of clients cannot be read: the last one stays in use",
        ),
    });
  }

  /** The first reading. @throws what the reader or `load` threw */
  async start(): Promise<void> {
    await this.#refreshing.refresh();
  }

  /** Undefined before the first reading. */
  current(): T | undefined {
    return this.#loaded?.value;
  }

  /** Grows with every change. */
  version(): number {
    return this.#version;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  state(): RefreshingState {
    return this.#refreshing.state();
  }

  stop(): void {
    this.#refreshing.stop();
    this.#options.reader.close();
  }

  async #read(): Promise<T> {
    const { reader, load } = this.#options;
    const last = this.#loaded;
    if (!(await reader.changed()) && last !== undefined) return last.value;
    const reading = reader.read(last?.version);
    const value = await load(reading, reading.complete ? undefined : last?.value);
    this.#loaded = { value, version: reading.version };
    this.#version += 1;
    for (const listener of this.#listeners) listener();
    return value;
  }
}
