import type { EndingThumbprint } from "../model/client-options.ts";

type Thumbprint = string | EndingThumbprint;

/**
 * The thumbprints of a client that gets a new certificate: the old ones end at `until`, those that end sooner stay as
 * they are, and those whose end is over are gone.
 * @param until epoch ms; not later than now: the old ones end at once
 * @param now epoch ms
 */
export function rotateThumbprints(
  old: readonly Thumbprint[],
  fresh: string,
  until: number,
  now: number,
): readonly Thumbprint[] {
  const ending = old.flatMap((one): EndingThumbprint[] => {
    const thumbprint = typeof one === "string" ? one : one.thumbprint;
    const end = Math.min(until, typeof one === "string" ? Number.POSITIVE_INFINITY : Date.parse(one.until));
    return end > now ? [{ thumbprint, until: new Date(end).toISOString() }] : [];
  });
  return [...ending, fresh];
}
