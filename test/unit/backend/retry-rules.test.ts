import { describe, expect, it } from "vitest";
import type { AttemptOutcome } from "../../../src/backend/attempt-outcome.ts";
import { mayTryAgain } from "../../../src/backend/retry-rules.ts";

const answered = (status: number): AttemptOutcome => ({ kind: "answered", status, headers: [] });
const all: readonly AttemptOutcome[] = [
  { kind: "unsent" },
  { kind: "timeout" },
  { kind: "broken" },
  ...[200, 400, 401, 403, 404, 408, 409, 429, 500, 501, 502, 503, 504].map(answered),
];
const name = (outcome: AttemptOutcome) => (outcome.kind === "answered" ? outcome.status : outcome.kind);
const triedAgain = (request: { retryable: boolean; replayable: boolean }) =>
  all.filter((outcome) => mayTryAgain(outcome, request)).map(name);

describe("what may be tried again", () => {
  it("is any request that was surely not served", () => {
    expect(triedAgain({ retryable: false, replayable: true })).toEqual(["unsent", 429]);
  });

  it("is also what failed, where the table says that twice does no harm", () => {
    expect(triedAgain({ retryable: true, replayable: true })).toEqual([
      "unsent",
      "timeout",
      "broken",
      408,
      429,
      500,
      502,
      503,
      504,
    ]);
  });

  it("is nothing whose body cannot be sent again", () => {
    expect(triedAgain({ retryable: true, replayable: false })).toEqual([]);
  });
});
