/** For how long a backend's answer asks to be left alone. */
export interface AskedPause {
  readonly ms: number;
  /** It refused this request; otherwise it served it, and said that the next one would be too much. */
  readonly refused: boolean;
}

/**
 * Reads `Retry-After` (seconds or a date, RFC 9110 10.2.3), Azure's `retry-after-ms`, and the `x-ratelimit-reset-*` of
 * each limit of which nothing remains. Hints count on 429 and 503; on any other answer only limits that are used up
 * do. What cannot be read counts as not said.
 * @param headers flat raw pairs
 * @param now epoch ms
 */
export function askedPause(status: number, headers: readonly string[], now: number): AskedPause | undefined {
  const refused = status === 429 || status === 503;
  let limits: Map<string, { used?: boolean; resetMs?: number }> | undefined;
  let said: number | undefined;
  const say = (ms: number | undefined) => {
    if (ms !== undefined) said = Math.max(said ?? 0, ms);
  };
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (!canBeHint(headers[at] as string)) continue;
    const name = (headers[at] as string).toLowerCase();
    const value = (headers[at + 1] as string).trim();
    if (name === "retry-after" && refused) say(retryAfterMs(value, now));
    else if (name === "retry-after-ms" && refused) say(/^\d{1,12}$/.test(value) ? Number(value) : undefined);
    else {
      const [, what, limit] = /^x-ratelimit-(remaining|reset)-([a-z-]{1,40})$/.exec(name) ?? [];
      if (limit === undefined) continue;
      limits ??= new Map();
      const known = limits.get(limit) ?? {};
      limits.set(limit, known);
      if (what === "remaining") known.used = /^-?0+$|^-\d+$/.test(value);
      else {
        const resetMs = durationMs(value);
        if (resetMs !== undefined) known.resetMs = resetMs;
      }
    }
  }
  // A request that was served left a limit at nothing: only its reset says something, not a hint on the answer.
  if (limits !== undefined) for (const { used, resetMs } of limits.values()) if (used === true) say(resetMs);
  return said === undefined ? undefined : { ms: said, refused };
}

/** Most headers of an answer speak of something else, and their first letter and length tell. */
function canBeHint(name: string): boolean {
  const first = name.charCodeAt(0) | 0x20;
  return (first === letterR && name.length > 10) || (first === letterX && name.length > 18);
}

const letterR = 0x72;
const letterX = 0x78;

function retryAfterMs(value: string, now: number): number | undefined {
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  // Only the one date format that senders must write: `Date.parse` would take nearly anything.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value)) return undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Seconds (`10`, as Azure writes it) or a duration (`1m30.5s`, `120ms`, as OpenAI does). */
function durationMs(value: string): number | undefined {
  if (/^\d{1,9}(?:\.\d{1,9})?$/.test(value)) return Number(value) * 1000;
  if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|h|m|s)){1,4}$/.test(value)) return undefined;
  let sum = 0;
  for (const [, count, unit] of value.matchAll(/([\d.]+)(ms|h|m|s)/g))
    sum += Number(count) * (units[unit ?? ""] ?? 0);
  return sum;
}
