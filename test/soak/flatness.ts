/** A number that was read now and then. */
export interface Reading {
  readonly seconds: number;
  readonly value: number;
}

export interface Tolerance {
  /** What it may grow by over all readings, in its own unit, and as a share of its median; the larger counts. */
  readonly atLeast: number;
  readonly share: number;
}

export interface Flatness {
  readonly median: number;
  /** Over the time from the first reading to the last. */
  readonly growth: number;
  readonly allowed: number;
  readonly isFlat: boolean;
}

/**
 * Whether it grows. The slope is the median of the slopes of all pairs (Theil and Sen): up to a quarter of the readings may
 * lie anywhere, so that a busy moment is no leak, and one that grows steadily has nowhere to hide. To shrink is flat.
 */
export function flatness(readings: readonly Reading[], { atLeast, share }: Tolerance): Flatness {
  if (readings.length < 5) throw new Error(`${readings.length} readings say nothing`);
  const slopes = readings.flatMap((one, index) =>
    readings.slice(index + 1).map((later) => (later.value - one.value) / (later.seconds - one.seconds)),
  );
  const seconds = (readings.at(-1)?.seconds ?? 0) - (readings[0]?.seconds ?? 0);
  const growth = medianOf(slopes) * seconds;
  const median = medianOf(readings.map(({ value }) => value));
  const allowed = Math.max(atLeast, share * median);
  return { median, growth, allowed, isFlat: growth <= allowed };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}
