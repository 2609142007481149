/**
 * As `list.filter`, but the list itself where all pass, which is mostly so: then nothing is made.
 * @param passes may be asked twice of one item
 */
export const filtered = <T>(list: readonly T[], passes: (item: T) => boolean): readonly T[] =>
  list.every(passes) ? list : list.filter(passes);
