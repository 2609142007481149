/** Anything but printable ASCII, and of that what JSON escapes (and `=`, which a secret may follow). */
const special = /[^!#-<>-[\]-~]/;

/** Whether the text stands in JSON as it is. */
export const isPlain = (text: string): boolean => !special.test(text);

const known = new Set<string>();
const mostKnown = 4000;

/**
 * The same of a text that comes again and again, as a client's name does: it is looked at once, and kept. Not for what
 * a caller writes, which may be a part of a long text, and would keep all of it.
 */
export function isKnownPlain(text: string): boolean {
  if (known.has(text)) return true;
  if (!isPlain(text)) return false;
  if (known.size >= mostKnown) known.clear();
  known.add(text);
  return true;
}
