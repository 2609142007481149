/** One value for each of a metric's labels, in the order of their names. */
export type LabelValues = readonly (string | number)[];

interface Branch<T> {
  readonly by: Map<string | number, Branch<T>>;
  counted?: T;
}

/** What a metric has counted for each combination of its labels: found without making a text of them each time. */
export class Series<T> {
  readonly #names: readonly string[];
  readonly #begin: () => T;
  readonly #root: Branch<T> = { by: new Map() };
  readonly #all: { readonly labels: Record<string, string | number>; readonly counted: T }[] = [];

  /**
   * @param names of the labels
   * @param begin makes what a new combination has counted: nothing yet
   */
  constructor(names: readonly string[], begin: () => T) {
    this.#names = names;
    this.#begin = begin;
  }

  of(values: LabelValues): T {
    let branch = this.#root;
    for (const value of values) {
      let next = branch.by.get(value);
      if (next === undefined) branch.by.set(value, (next = { by: new Map() }));
      branch = next;
    }
    return (branch.counted ??= this.#add(values));
  }

  /** In the order in which they came. */
  get all(): readonly { readonly labels: Record<string, string | number>; readonly counted: T }[] {
    return this.#all;
  }

  #add(values: LabelValues): T {
    const labels = Object.fromEntries(values.map((value, n) => [this.#names[n] ?? "", value]));
    const counted = this.#begin();
    this.#all.push({ labels, counted });
    return counted;
  }
}
