/** A power of two. As much is kept at most: what comes into a slot takes the place of what was there. */
const slots = 512;
/** Longer ones are content, and come once. */
const longest = 32;

/**
 * Words that stand in bytes, as strings: most keys are the same in thousands of requests. To compare one with what stands there
 * costs a fraction of making a string anew, which is then hashed, and searched for among all strings that the engine knows.
 */
export class KnownWords {
  readonly #words: string[] = Array.from({ length: slots }, () => "");

  /** As `bytes.toString("utf8", start, end)`. */
  of(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return "";
    if (length > longest) return bytes.toString("utf8", start, end);
    const slot = slotOf(bytes, start, end);
    const known = this.#words[slot] as string;
    if (stands(known, bytes, start, length)) return known;
    const word = bytes.toString("utf8", start, end);
    // In ASCII each character is its byte; only such words are kept.
    if (stands(word, bytes, start, length)) this.#words[slot] = word;
    return word;
  }
}

const byteAt = (bytes: Buffer, at: number): number => bytes[at] as number;

/** Of the length and three bytes: most words that are in use together differ in one of them. */
const slotOf = (bytes: Buffer, start: number, end: number): number =>
  (byteAt(bytes, start) +
    byteAt(bytes, (start + end) >> 1) * 7 +
    byteAt(bytes, end - 1) * 31 +
    (end - start) * 61) &
  (slots - 1);

function stands(word: string, bytes: Buffer, start: number, length: number): boolean {
  if (word.length !== length) return false;
  for (let at = 0; at < length; at += 1) if (word.charCodeAt(at) !== byteAt(bytes, start + at)) return false;
  return true;
}
