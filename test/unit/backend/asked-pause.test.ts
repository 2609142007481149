import { describe, expect, it } from "vitest";
import { askedPause } from "../../../src/backend/asked-pause.ts";

const now = Date.UTC(2026, 0, 1, 12, 0, 0);
const of = (status: number, headers: Record<string, string>) =>
  askedPause(status, Object.entries(headers).flat(), now);

describe("the pause that an answer asks for", () => {
  it.each([
    ["seconds", { "retry-after": "7" }, 7000],
    ["a date", { "Retry-After": "Thu, 01 Jan 2026 12:00:30 GMT" }, 30_000],
    ["a date that is over", { "retry-after": "Thu, 01 Jan 2026 11:00:00 GMT" }, 0],
    ["milliseconds", { "retry-after-ms": "250" }, 250],
    ["the longer of two", { "retry-after": "1", "retry-after-ms": "250" }, 1000],
    [
      "the reset of a limit that is used up",
      { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "12" },
      12_000,
    ],
    [
      "the reset of a limit whose name is as short and as large as can be",
      { "X-RATELIMIT-REMAINING-A": "0", "X-RATELIMIT-RESET-A": "3" },
      3000,
    ],
    [
      "a reset as OpenAI writes it",
      { "x-ratelimit-reset-requests": "1m30.5s", "x-ratelimit-remaining-requests": "-1" },
      90_500,
    ],
  ])("is read as %s", (_what, headers, ms) => {
    expect(of(429, headers)).toEqual({ ms, refused: true });
  });

  it.each([
    ["garbage", { "retry-after": "soon" }],
    ["a negative number", { "retry-after": "-1" }],
    ["a number that Date.parse would take for a year", { "retry-after": "2027-01-01" }],
    ["a date without its zone", { "retry-after": "Thu, 01 Jan 2026 12:00:30" }],
    ["a date that does not exist", { "retry-after": "Thu, 99 Jan 2026 12:00:30 GMT" }],
    ["too many digits", { "retry-after-ms": "99999999999999999999" }],
    [
      "a limit of which something is left",
      { "x-ratelimit-remaining-tokens": "1", "x-ratelimit-reset-tokens": "12" },
    ],
    [
      "the reset of another limit",
      { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-requests": "12" },
    ],
    ["a reset in no known unit", { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "2d" }],
    ["nothing", {}],
  ])("is not made out of %s", (_what, headers) => {
    expect(of(429, headers)).toBeUndefined();
  });

  it("is not refused when the request was served and the next would be too much", () => {
    const headers = { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "500ms" };
    expect(of(200, headers)).toEqual({ ms: 500, refused: false });
  });

  it("does not come from Retry-After on an answer that refused nothing", () => {
    // Batches and long operations say so how soon to ask again.
    expect(of(200, { "retry-after": "30", "retry-after-ms": "30000" })).toBeUndefined();
  });
});
