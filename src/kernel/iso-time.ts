let second = Number.NaN;
let upToIt = "";

/**
 * The instant as ISO 8601 in UTC, to the millisecond. Within one second most of it stays the same, and a request's line
 * in the log holds two of them.
 * @param ms since the Unix epoch
 */
export function isoTime(ms: number): string {
  const its = Math.floor(ms / 1000);
  if (its !== second) {
    upToIt = new Date(its * 1000).toISOString().slice(0, -4);
    second = its;
  }
  return `${upToIt}${String(Math.floor(ms) - its * 1000).padStart(3, "0")}Z`;
}
