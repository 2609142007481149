interface Kept<T> {
  readonly names: readonly string[];
  readonly judgement: T;
}

/** A power of two. As much is kept at most: what comes into a slot takes the place of what was there. */
const slots = 128;

/**
 * Judges the names of a message's headers once for all messages that have the same ones in the same order and spelling, as clients and
 * backends write the same again and again. To compare names costs a fraction of looking them up, because what is looked
 * up by a string that has just come is first hashed, and searched for among all strings that the engine knows.
 */
export class JudgedNames<T> {
  readonly #judge: (names: readonly string[]) => T;
  readonly #kept: (Kept<T> | undefined)[] = Array.from({ length: slots }, () => undefined);

  /** @param judge looks at nothing but the names: what it finds is used for other messages, too */
  constructor(judge: (names: readonly string[]) => T) {
    this.#judge = judge;
  }

  /** @param headers flat raw pairs */
  of(headers: readonly string[]): T {
    const slot = slotOf(headers);
    const kept = this.#kept[slot];
    if (kept !== undefined && areNamesOf(headers, kept.names)) return kept.judgement;
    const names = headers.filter((_, at) => at % 2 === 0);
    const judgement = this.#judge(names);
    this.#kept[slot] = { names, judgement };
    return judgement;
  }
}

function slotOf(headers: readonly string[]): number {
  let mixed = 0;
  for (let at = 0; at < headers.length; at += 2)
    mixed = (Math.imul(mixed, 31) + (headers[at] as string).length) | 0;
  return (mixed ^ (mixed >>> 7)) & (slots - 1);
}

function areNamesOf(headers: readonly string[], names: readonly string[]): boolean {
  if (headers.length !== names.length * 2) return false;
  for (let at = 0; at < names.length; at += 1) if (headers[at * 2] !== names[at]) return false;
  return true;
}
