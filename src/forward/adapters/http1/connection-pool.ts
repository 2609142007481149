import { mostConnections } from "../backend-tls.ts";
import { TookTooLong } from "../to-backend-fault.ts";
import type { WayToBackend } from "../way-to-backend.ts";
import { BackendConnector } from "./connect-backend.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { Carrier, Exchange } from "./exchange.ts";

export interface PoolOptions extends WayToBackend {
  /** Milliseconds between two pieces of an answer. */
  readonly idleTimeoutMs: number;
}

/** Exchanges that may wait for a connection. */
const mostWaiting = 10_000;
/** How often connections that nobody used for long are looked for. */
const sweepMs = 1000;

/** With what ends its patience. */
interface Waiting {
  readonly exchange: Exchange;
  readonly timer: NodeJS.Timeout;
}

/** The kept connections to one backend. The one that was used last is used next, so that what a burst opened grows old. */
export class ConnectionPool implements ConnectionOwner, Carrier {
  readonly idleTimeoutMs: number;
  readonly #connector: BackendConnector;
  readonly #patienceMs: number;
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  /** Whose answer ended in this turn of the event loop. */
  readonly #ending: Connection[] = [];
  /** The one that has waited longest comes first. */
  readonly #waiting: Waiting[] = [];
  #connecting = 0;
  #sweeper: NodeJS.Timeout | undefined;
  #closed: PromiseWithResolvers<void> | undefined;

  /** @throws Error for a client certificate and a key that do not belong together */
  constructor(options: PoolOptions) {
    this.idleTimeoutMs = options.idleTimeoutMs;
    // Longer than any attempt to connect takes, with and without a proxy: its own fault says more.
    this.#patienceMs = 2 * options.connectTimeoutMs + 1000;
    this.#connector = new BackendConnector(options);
  }

  /** Sends it at once where a connection is free; else on the first that is. */
  take(exchange: Exchange): void {
    const now = performance.now();
    for (let free = this.#idle.pop(); free !== undefined; free = this.#idle.pop()) {
      if (free.isUsable(now)) return free.send(exchange);
      free.destroy();
    }
    if (this.#closed !== undefined) return refuse(exchange, "the backend is not in use any more");
    if (this.#waiting.length >= mostWaiting)
      return refuse(exchange, "too many requests wait for a connection");
    const timer = setTimeout(() => {
      this.abandon(exchange);
      exchange.fail(new TookTooLong("no connection was free in time"), false);
    }, this.#patienceMs);
    this.#waiting.push({ exchange, timer });
    exchange.moveTo(this);
    this.#fill();
  }

  abandon(exchange: Exchange): void {
    const at = this.#waiting.findIndex((waiting) => waiting.exchange === exchange);
    if (at >= 0) clearTimeout(this.#waiting.splice(at, 1)[0]?.timer);
  }

  /** Nothing of its answer has come. */
  resume(): void {}

  /**
   * It is used again in the next turn only: what the backend sent behind the answer may be at hand already, in a TLS
   * record of its own, and would be taken for the answer to the next request.
   */
  released(connection: Connection): void {
    if (this.#ending.push(connection) === 1) setImmediate(this.#free);
  }

  readonly #free = (): void => {
    for (const connection of this.#ending.splice(0)) this.#give(connection);
    this.#fill();
  };

  #give(connection: Connection): void {
    if (!connection.isUsable(performance.now())) return connection.destroy();
    const next = this.#next();
    if (next !== undefined) return connection.send(next);
    if (this.#closed !== undefined) return connection.destroy();
    this.#idle.push(connection);
    this.#sweeper ??= setInterval(() => this.#sweep(), sweepMs).unref();
  }

  lost(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#fill();
    this.#settle();
  }

  /** Resolves when the exchanges under way are over. */
  close(): Promise<void> {
    this.#closed ??= Promise.withResolvers<void>();
    for (const connection of this.#idle.splice(0)) connection.destroy();
    this.#settle();
    return this.#closed.promise;
  }

  /** The one that has waited longest. */
  #next(): Exchange | undefined {
    for (let first = this.#waiting.shift(); first !== undefined; first = this.#waiting.shift()) {
      clearTimeout(first.timer);
      if (!first.exchange.isOver) return first.exchange;
    }
    return undefined;
  }

  /** Connections that will be free, if nothing comes between. */
  get #coming(): number {
    return this.#connecting + this.#ending.length;
  }

  /** As many connections are about to be free as exchanges wait, while there is room for them. */
  #fill(): void {
    while (this.#coming < this.#waiting.length && this.#all.size + this.#connecting < mostConnections) {
      this.#connecting += 1;
      void this.#open();
    }
  }

  async #open(): Promise<void> {
    try {
      const socket = await this.#connector.open();
      if (socket.destroyed) throw new Error("the connection ended after its handshake");
      this.#connecting -= 1;
      const connection = new Connection(socket, this);
      this.#all.add(connection);
      this.released(connection);
    } catch (fault) {
      this.#connecting -= 1;
      // Another way may lead to it for the others that wait, as long as there are as many under way.
      if (this.#coming < this.#waiting.length) this.#next()?.fail(fault as Error, false);
      this.#fill();
    }
    this.#settle();
  }

  #sweep(): void {
    const now = performance.now();
    for (const connection of this.#idle.filter((idle) => !idle.isUsable(now))) connection.destroy();
  }

  #settle(): void {
    if (this.#idle.length === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
    if (this.#all.size + this.#connecting + this.#waiting.length === 0) this.#closed?.resolve();
  }
}

/** In the next turn: who has sent it does not expect a fault before it has what cancels it. */
const refuse = (exchange: Exchange, why: string): void =>
  process.nextTick(() => exchange.fail(new Error(why), false));
