import { type DerReader, tag } from "./der-reader.ts";
import { malformed } from "./pki-error.ts";

/**
 * Reads a Time (RFC 5280 4.1.2.5): UTCTime YYMMDDHHMMSSZ or GeneralizedTime YYYYMMDDHHMMSSZ, seconds present, no
 * fractions, no offsets. A GeneralizedTime before 2050 is an issuer's mistake, not an ambiguity, and is read.
 * @returns epoch milliseconds
 */
export function readTime(reader: DerReader, what: string): number {
  const generalized = reader.sees(tag.generalizedTime);
  const content = reader.content(generalized ? tag.generalizedTime : tag.utcTime);
  const time = timeOf(content, generalized);
  if (time === undefined) throw malformed(what, "not a time in the form that RFC 5280 4.1.2.5 demands");
  return time;
}

/** Epoch milliseconds out of a Time's content octets, or undefined where they are no such time. */
export function timeOf(content: Uint8Array, generalized: boolean): number | undefined {
  const yearDigits = generalized ? 4 : 2;
  if (content.length !== yearDigits + 11 || content[content.length - 1] !== 0x5a) return undefined;
  for (let i = 0; i < content.length - 1; i += 1) {
    const byte = content[i] as number;
    if (byte < 0x30 || byte > 0x39) return undefined;
  }
  const two = (at: number) => ((content[at] as number) - 0x30) * 10 + (content[at + 1] as number) - 0x30;
  const short = two(0);
  // RFC 5280 4.1.2.5.1: YY >= 50 is 19YY.
  const year = generalized ? short * 100 + two(2) : short + (short >= 50 ? 1900 : 2000);
  const [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map((offset) => two(yearDigits + offset)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(month, year)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  // Date.UTC maps the years 0 to 99 to 1900 and later; setUTCFullYear does not.
  const date = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  return date.setUTCFullYear(year, month - 1, day);
}

function daysIn(month: number, year: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** An instant as people read it in a sentence, to the second: `2026-01-01T00:00:00Z`. */
export const formatInstant = (epochMs: number): string =>
  new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, "Z");
