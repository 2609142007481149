import type { ShedReason } from "../model/metrics.ts";
import { comparableAddress } from "../model/network.ts";

export interface SourceLimits {
  /** Open at the same time, in all. */
  readonly connections: number;
  /** The same from one source. */
  readonly connectionsPerSource: number;
  /** What a source gains; it can save up as much as it gains in `burstSeconds`. */
  readonly handshakesPerSecondPerSource: number;
}

/** A fleet behind one address comes back all at once after an outage. */
const burstSeconds = 5;
/** Sources without an open connection that are remembered. A forgotten one begins with a full bucket. */
const mostQuietSources = 10_000;
/** Addresses whose source is known without reading them again. */
const mostKeys = 1000;

interface Source {
  connections: number;
  tokens: number;
  /** Monotonic milliseconds at which `tokens` was right. */
  at: number;
}

export type Admission =
  | { readonly admitted: true; readonly leave: () => void }
  | { readonly admitted: false; readonly reason: ShedReason };

/**
 * Decides about a connection when there is nothing of it but its address: before any TLS arithmetic is paid for it.
 * A source is an IPv4 address, or an IPv6 network of 64 bits (RFC 6177: a single site has no less than that).
 */
export class SourceGate {
  readonly #limits: () => SourceLimits;
  readonly #now: () => number;
  /** Those that came last; half of what may be remembered. */
  #quiet = new Map<string, Source>();
  /** Those before them: forgotten all at once, because looking for the oldest one each time costs more. */
  #quietBefore = new Map<string, Source>();
  readonly #busy = new Map<string, Source>();
  /** The sources of addresses that came before: to read one costs more than everything else here. */
  readonly #keys = new Map<string, string>();
  #connections = 0;

  /** @param now monotonic milliseconds: a clock that is set must not fill or empty buckets */
  constructor(limits: () => SourceLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** How many sources are remembered. */
  get size(): number {
    return this.#quiet.size + this.#quietBefore.size + this.#busy.size;
  }

  /** @param address undefined where the connection has ended already */
  admit(address: string | undefined): Admission {
    const limits = this.#limits();
    if (this.#connections >= limits.connections) return { admitted: false, reason: "connections" };
    const key = this.#keyOf(address);
    const source = this.#sourceAt(key, limits.handshakesPerSecondPerSource);
    if (source.connections >= limits.connectionsPerSource)
      return { admitted: false, reason: "connections_per_source" };
    if (source.tokens < 1) return { admitted: false, reason: "handshakes_per_source" };
    source.tokens -= 1;
    source.connections += 1;
    this.#connections += 1;
    this.#quiet.delete(key);
    this.#quietBefore.delete(key);
    this.#busy.set(key, source);
    let left = false;
    return {
      admitted: true,
      leave: () => {
        if (left) return;
        left = true;
        this.#leave(key, source);
      },
    };
  }

  #keyOf(address = ""): string {
    let key = this.#keys.get(address);
    if (key !== undefined) return key;
    key = sourceOf(address);
    if (this.#keys.size >= mostKeys) this.#keys.clear();
    this.#keys.set(address, key);
    return key;
  }

  #sourceAt(key: string, perSecond: number): Source {
    const now = this.#now();
    const most = Math.max(1, perSecond * burstSeconds);
    const known = this.#busy.get(key) ?? this.#quiet.get(key) ?? this.#quietBefore.get(key);
    if (known === undefined) {
      const source = { connections: 0, tokens: most, at: now };
      this.#remember(key, source);
      return source;
    }
    known.tokens = Math.min(most, known.tokens + ((now - known.at) / 1000) * perSecond);
    known.at = now;
    return known;
  }

  #leave(key: string, source: Source): void {
    this.#connections -= 1;
    source.connections -= 1;
    if (source.connections > 0) return;
    this.#busy.delete(key);
    this.#remember(key, source);
  }

  #remember(key: string, source: Source): void {
    this.#quiet.set(key, source);
    if (this.#quiet.size < mostQuietSources / 2) return;
    this.#quietBefore = this.#quiet;
    this.#quiet = new Map();
  }
}

/** Sockets without a readable address count as one source, so that they are bounded too. */
function sourceOf(address: string): string {
  const octets = comparableAddress(address);
  if (octets === undefined) return "unknown";
  const isVersion4 = octets.subarray(0, 10).every((octet) => octet === 0) && octets[10] === 0xff;
  return Buffer.from(isVersion4 ? octets.subarray(12) : octets.subarray(0, 8)).toString("hex");
}
