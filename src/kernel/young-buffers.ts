import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** How often it is looked: at the highest rate less than another `stepBytes` comes in between. */
const everyMs = 5;
/**
 * Bytes outside the heap that may come together. V8 takes them for growth of the old generation, and with a heap of some
 * 30 MB begins to mark all of it when there are 8 MB more.
 */
const stepBytes = 4 * 1024 * 1024;

/**
 * Has the buffers of bodies that passed collected while they are young. V8 counts their bytes, but is led to collect the
 * young generation by objects on the heap alone, of which a body has few: with bodies of 10 MB all of the heap was marked
 * ten times a second, which cost half of the processor time and pauses of 10 ms.
 */
export class YoungBuffers {
  readonly #held: () => number;
  #floor = Infinity;
  #timer: NodeJS.Timeout | undefined;

  /** @param held bytes of those that are needed still: to collect would only make them old */
  constructor(held: () => number) {
    this.#held = held;
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), everyMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const bytes = this.#passed;
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
