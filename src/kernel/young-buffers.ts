import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** How often it is looked: in between come 5 MB at the highest rates. Less often while next to nothing comes. */
const everyMs = { busy: 10, idle: 100 };
/** Bytes between two looks that are next to nothing. */
const fewBytes = 64 * 1024;
/** Bytes outside the heap that may come together. */
const stepBytes = 16 * 1024 * 1024;
/**
 * How much the old generation may grow, in hundredths, until V8 marks all of it. It takes such bytes for growth, and as it
 * comes would have begun at 8 MB, with a heap of 30 MB.
 */
const growth = 150;

/**
 * Has the buffers of bodies that passed collected while they are young. V8 counts their bytes, but what leads it to collect
 * the young generation are objects on the heap, of which a body has few: with bodies of 10 MB all of the heap was marked ten
 * times a second, which cost up to half of the processor time, and pauses of 10 ms.
 */
export class YoungBuffers {
  readonly #held: () => number;
  #floor = Infinity;
  #last = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param held bytes of those that are needed still: to collect would only make them old */
  constructor(held: () => number) {
    this.#held = held;
  }

  start(): void {
    setFlagsFromString(`--heap-growing-percent=${growth}`);
    this.#lookIn(everyMs.idle);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => {
      const before = this.#last;
      this.look();
      // Collected or not: what has come or gone shows that bodies pass.
      this.#lookIn(Math.abs(this.#last - before) > fewBytes ? everyMs.busy : everyMs.idle);
    }, ms).unref();
  }

  look(): void {
    const bytes = this.#passed;
    this.#last = bytes;
    // What is always there is no reason: only what has come since it was least.
    if (bytes - this.#floor < stepBytes) {
      this.#floor = Math.min(this.#floor, bytes);
      return;
    }
    collectYoung();
    this.#floor = this.#passed;
  }

  get #passed(): number {
    return getHeapStatistics().external_memory - this.#held();
  }
}

const collectYoung = minorCollector();

/** As `--expose-gc` gives it to a script, which has no other way to ask for this. */
function minorCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: { readonly type: "minor" }) => void;
  setFlagsFromString("--no-expose-gc");
  return () => collect({ type: "minor" });
}
