/** The candidate that a typing error most likely meant, or undefined when none is near. */
export function suggest(typed: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  // Of a name of one or two letters, nearly every other is one letter away.
  let bestDistance = Math.floor(typed.length / 3) + 1;
  for (const candidate of candidates) {
    const distance =
      candidate.toLowerCase() === typed.toLowerCase() ? 0 : editDistance(typed.slice(0, 64), candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** "Did you mean ...?", or what there is to choose from. */
export function suggestHint(typed: string, candidates: readonly string[], none: string): string {
  const near = suggest(typed, candidates);
  if (near !== undefined) return `Did you mean "${near}"?`;
  if (candidates.length === 0) return none;
  const shown = candidates.slice(0, 12).join(", ");
  return `Known here: ${shown}${candidates.length > 12 ? ", ..." : ""}.`;
}

/** Levenshtein's, over one row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1),
        ),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
