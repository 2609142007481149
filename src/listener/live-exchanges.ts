import type { Regrant } from "../gateway/exchange-draft.ts";
import type { Caller, CallerVerdict, ConnectionCaller } from "../gateway/caller.ts";
import type { Clock } from "../kernel/clock.ts";
import { deny, type Denied, type Verdict } from "../model/verdict.ts";

/** An exchange under way. */
export interface LiveExchange {
  /** The grant is decided again whenever the client's entry is another one. */
  readonly granted: Regrant;
  /** It is over: it is neither judged nor cut any more. */
  end(): void;
}

interface Watched {
  readonly caller: ConnectionCaller;
  readonly cut: (denied: Denied) => void;
  grant?: { entry: Caller["entry"]; readonly again: Parameters<Regrant>[1] };
  /** Where it stands in the list; -1 when it is over. */
  at: number;
}

/** How often running exchanges are looked at without a reason: a certificate can run out without any news. */
const sweepMs = 500;
/** Judging gives requests their turn again after so many exchanges or milliseconds, whichever comes first. */
const slice = { exchanges: 200, ms: 10 };

/**
 * The exchanges under way: streams and tunnels can run for hours, and a verdict must not outlive its facts. Each is
 * judged again when trust anchors, revocation data or clients change, and twice a second in any case; one whose
 * caller is denied now, or may not do any more what it does, is cut. Idle connections need nothing: their next request is judged anyway.
 */
export class LiveExchanges {
  readonly #clock: Clock;
  /**
   * In no order. A Set would keep ended ones alive: each time it is full it goes on in a new table that the old one refers
   * to, and once a collection has moved one of these to the old generation, all that come after it follow.
   */
  readonly #live: Watched[] = [];
  #sweeping: Promise<void> | undefined;
  #waiting = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#live.length;
  }

  /**
   * @param cut ends the exchange at once; called at most once, and not after the returned function
   */
  add(caller: ConnectionCaller, cut: (denied: Denied) => void): LiveExchange {
    const exchange: Watched = { caller, cut, at: this.#live.length };
    this.#live.push(exchange);
    this.#watch();
    return {
      granted(entry, again) {
        exchange.grant = { entry, again };
      },
      end: () => void this.#remove(exchange),
    };
  }

  /** Cuts every exchange under way, whoever it is. */
  cutAll(denied: Denied): void {
    for (const exchange of Array.from(this.#live)) this.#cut(exchange, denied);
  }

  /** Judges every exchange under way now. To be called when a fact has changed. */
  async judge(): Promise<void> {
    // One sweep at a time; a change during one is seen by the next, which starts right after it.
    await this.#sweeping;
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    await this.#sweeping;
  }

  /** @returns false where it was over already */
  #remove(exchange: Watched): boolean {
    const { at } = exchange;
    if (at < 0) return false;
    exchange.at = -1;
    const last = this.#live.pop();
    if (last !== undefined && last !== exchange) {
      this.#live[at] = last;
      last.at = at;
    }
    return true;
  }

  #watch(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#clock.after(sweepMs, () => {
      this.#waiting = false;
      if (this.#live.length === 0) return;
      this.#watch();
      void this.judge();
    });
  }

  async #fetchOrCut(exchange: Watched): Promise<void> {
    if (exchange.caller.isFetching) return;
    const verdict = await fetchedJudgement(exchange);
    if (!verdict.allowed) this.#cut(exchange, verdict);
  }

  #cut(exchange: Watched, denied: Denied): void {
    // False where it has ended, or was cut, in the meantime.
    if (this.#remove(exchange)) exchange.cut(denied);
  }

  async #sweep(): Promise<void> {
    let judged = 0;
    let turnedAt = performance.now();
    // Those of this moment: a steady inflow must not keep a sweep from ending. What comes later was judged just now.
    for (const exchange of Array.from(this.#live)) {
      if (exchange.at < 0) continue;
      const verdict = judgement(exchange);
      // For lack of data is no denial yet: a request that waits for its first decision is among these, too.
      if (!verdict.allowed && "missing" in verdict && verdict.missing !== undefined)
        void this.#fetchOrCut(exchange);
      else if (!verdict.allowed) this.#cut(exchange, verdict);
      judged += 1;
      if (judged % slice.exchanges === 0 || performance.now() - turnedAt > slice.ms) {
        await new Promise(setImmediate);
        turnedAt = performance.now();
      }
    }
  }
}

/** One exchange that cannot be judged is cut, and the others are judged all the same. */
function judgement(exchange: Watched): CallerVerdict | Verdict<unknown> {
  try {
    return grantedStill(exchange, exchange.caller.identify());
  } catch {
    return cannotJudge();
  }
}

async function fetchedJudgement(exchange: Watched): Promise<CallerVerdict | Verdict<unknown>> {
  try {
    return grantedStill(exchange, await exchange.caller.identifyOrFetch());
  } catch {
    return cannotJudge();
  }
}

/** The caller is still trusted: may it still do what it does? */
function grantedStill({ grant }: Watched, caller: CallerVerdict): CallerVerdict | Verdict<unknown> {
  if (!caller.allowed || grant === undefined || caller.value.entry === grant.entry) return caller;
  const again = grant.again(caller.value.entry);
  if (again.allowed) grant.entry = caller.value.entry;
  return again;
}

const cannotJudge = (): CallerVerdict => deny("internal_error", "The caller could not be judged again.");
