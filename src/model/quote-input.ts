/**
 * The caller's own input, fit for a JSON answer and a log line: printable ASCII only, no quotes to break out of,
 * bounded. What was replaced shows as `?`.
 */
export function quoteInput(text: string, longest = 64): string {
  const safe = text.slice(0, longest).replace(/[^\x20-\x7e]|["\\]/g, "?");
  return text.length > longest ? `"${safe}..."` : `"${safe}"`;
}
