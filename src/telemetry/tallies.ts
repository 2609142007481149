import { Counter, type Histogram, type Registry } from "prom-client";
import { type LabelValues, Series } from "./series.ts";

/**
 * Seconds. Denials take a millisecond, embeddings tens, a reasoning model minutes: the buckets span all of them,
 * up to the default first-byte timeout.
 */
const durationBuckets = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** What a metric of prom-client is made of. */
export interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

/**
 * A counter to which every request adds: a number is looked up and added to, and prom-client hears of it when somebody
 * asks. (Its own counter makes a text of the labels for each addition.)
 */
export class Tally {
  readonly #series: Series<{ count: number }>;

  constructor(options: MetricOptions) {
    const series = new Series(options.labelNames, () => ({ count: 0 }));
    const counter = new Counter({
      ...options,
      collect() {
        counter.reset();
        for (const { labels, counted } of series.all) counter.inc(labels, counted.count);
      },
    });
    this.#series = series;
  }

  /**
   * @param count below zero, or not finite, counts as zero: one count too few, never a metric that is spoilt for ever
   * (an infinite one would have prom-client refuse the whole page at each scrape). Nothing is thrown, as prom-client
   * does: a fault in counting must not become one of the request that is counted.
   */
  add(values: LabelValues, count = 1): void {
    const counted = this.#series.of(values);
    const sum = counted.count + count;
    // The sum is judged, as it may be infinite where the count is not. NaN fails both.
    if (sum >= counted.count && sum < Infinity) counted.count = sum;
  }
}

interface Durations {
  /** By bucket, the last without a bound; not yet added up. */
  readonly counts: number[];
  sum: number;
}

/** The same for a histogram of durations, in seconds. */
export class DurationTally {
  readonly #series: Series<Durations>;

  constructor({ name, help, labelNames, registers }: MetricOptions) {
    this.#series = new Series(labelNames, () => ({ counts: [...durationBuckets.map(() => 0), 0], sum: 0 }));
    const get = async () => ({
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      values: this.#values(name),
    });
    // All that a registry asks of a metric. A histogram of prom-client's own cannot be told what was counted elsewhere.
    const metric = { name, get } as unknown as Histogram;
    for (const registry of registers) registry.registerMetric(metric);
  }

  /** @param ms below zero counts as zero; one that is not finite is left out, and spoils no sum */
  add(values: LabelValues, ms: number): void {
    if (!Number.isFinite(ms)) return;
    const seconds = Math.max(0, ms) / 1000;
    const durations = this.#series.of(values);
    let bucket = 0;
    while (seconds > (durationBuckets[bucket] ?? Infinity)) bucket += 1;
    durations.counts[bucket] = (durations.counts[bucket] ?? 0) + 1;
    durations.sum += seconds;
  }

  /** As Prometheus wants it: each bucket counts those below it, too. */
  #values(name: string): object[] {
    return this.#series.all.flatMap(({ labels, counted: { counts, sum } }) => {
      let upTo = 0;
      const buckets = [...durationBuckets, "+Inf"].map((le, bucket) => {
        upTo += counts[bucket] ?? 0;
        return { labels: { le, ...labels }, value: upTo, metricName: `${name}_bucket` };
      });
      return [
        ...buckets,
        { labels, value: sum, metricName: `${name}_sum` },
        { labels, value: upTo, metricName: `${name}_count` },
      ];
    });
  }
}
