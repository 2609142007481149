export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof weekdays)[number];

/** When something may be done, as an operator writes it. */
export interface TimeWindowOptions {
  readonly days: readonly Weekday[];
  /** `HH:MM` on the wall clock of the time zone, inclusive. */
  readonly from: string;
  /** `HH:MM`, exclusive; `24:00` is the day's end. Earlier than `from`: the window ends on the next day. */
  readonly to: string;
  /** IANA name, e.g. `Europe/Berlin`. */
  readonly timeZone: string;
}

/** A window, ready for decisions. */
export interface TimeWindow {
  /** Bit 0 is Monday: the days on which it opens. */
  readonly days: number;
  /** Minutes since midnight. */
  readonly from: number;
  readonly to: number;
  readonly zone: TimeZone;
}

export type TimeWindowReading =
  | { readonly ok: true; readonly window: TimeWindow }
  | { readonly ok: false; readonly key: "days" | "from" | "to" | "timeZone"; readonly reason: string };

export function readTimeWindow({ days, from, to, timeZone }: TimeWindowOptions): TimeWindowReading {
  const start = minutesOf(from);
  const end = minutesOf(to);
  const zone = timeZoneNamed(timeZone);
  if (days.length === 0) return { ok: false, key: "days", reason: "no day is listed" };
  if (start === undefined || start === 1440)
    return { ok: false, key: "from", reason: "it must be a time from 00:00 to 23:59" };
  if (end === undefined) return { ok: false, key: "to", reason: "it must be a time from 00:00 to 24:00" };
  if (start === end)
    return { ok: false, key: "to", reason: "it equals `from`; for a whole day write 00:00 to 24:00" };
  if (zone === undefined) return { ok: false, key: "timeZone", reason: "no time zone has this name" };
  const bits = days.reduce((sum, day) => sum | (1 << weekdays.indexOf(day)), 0);
  return { ok: true, window: { days: bits, from: start, to: end, zone } };
}

/**
 * Is the window open? The wall clock of its time zone decides: where clocks skip an hour, what stands in the skipped
 * hour does not happen; where they repeat one, it happens twice.
 */
export function isOpen({ days, from, to, zone }: TimeWindow, at: number): boolean {
  const minuteOfWeek = zone.minuteOfWeek(at);
  const day = Math.floor(minuteOfWeek / 1440);
  const minute = minuteOfWeek % 1440;
  const opensToday = (days & (1 << day)) !== 0;
  if (from < to) return opensToday && from <= minute && minute < to;
  // Over midnight: the window belongs to the day on which it opened.
  const openedYesterday = (days & (1 << ((day + 6) % 7))) !== 0;
  return (opensToday && from <= minute) || (openedYesterday && minute < to);
}

/** A time zone's wall clock. Asking the formatter costs microseconds, so the running minute's answer is kept. */
class TimeZone {
  readonly #format: Intl.DateTimeFormat;
  #minute = Number.NaN;
  #minuteOfWeek = 0;

  /** @throws RangeError for an unknown name */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  }

  /** Minutes since Monday, midnight. */
  minuteOfWeek(at: number): number {
    // Every offset from UTC in use today is a whole number of minutes.
    const minute = Math.floor(at / 60_000);
    if (minute !== this.#minute) {
      const parts = new Map(this.#format.formatToParts(at).map(({ type, value }) => [type, value]));
      const day = weekdays.findIndex((name) => name === parts.get("weekday")?.toLowerCase());
      this.#minuteOfWeek = day * 1440 + Number(parts.get("hour")) * 60 + Number(parts.get("minute"));
      this.#minute = minute;
    }
    return this.#minuteOfWeek;
  }
}
export type { TimeZone };

/** One a name: a fleet shares its hours, and each zone's memory. */
const zones = new Map<string, TimeZone>();

function timeZoneNamed(name: string): TimeZone | undefined {
  let zone = zones.get(name);
  if (zone !== undefined) return zone;
  // "+02:00" is no place: it knows no daylight saving, and who writes it means a place that does.
  if (!/^(?:UTC|[A-Za-z]+(?:[/_-][A-Za-z0-9_+-]+)+)$/.test(name)) return undefined;
  try {
    zone = new TimeZone(name);
  } catch {
    return undefined;
  }
  zones.set(name, zone);
  return zone;
}

function minutesOf(text: string): number | undefined {
  if (text === "24:00") return 1440;
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes);
}
