/** What is to become of a caller's requests: `answered`, or refused with this reason. */
export type Expectation = "answered" | Refused;

export interface Refused {
  /** `x-certgate-reason`, or the code of the error that the client gets. */
  readonly refused: string;
  /** What is under way when this begins must not be cut. */
  readonly cutsNothing?: true;
}

/** One request and its end. Times as `performance.now()`. */
export interface Sent {
  readonly sentAt: number;
  readonly endedAt: number;
  /** 0 where no answer began. */
  readonly status: number;
  /** `x-certgate-reason`, or the code of the fault. */
  readonly reason?: string;
  /** Why there is no whole answer, or none of the request's own. */
  readonly fault?: string;
  /** Absent where the request never got one. */
  readonly connection?: Connection;
}

/** What a request was sent on. */
export interface Connection {
  readonly openedAt: number;
  /** `x-certgate-request-id` of any answer that came on it; absent until one did. */
  requestId?: string;
}

export type Judged = "answered" | "refused" | "wronglyFailed" | "wronglyPassed" | "wronglyRefused";

interface Phase {
  readonly from: number;
  readonly mayPass: boolean;
  /** The right reasons; none: must not be refused. */
  readonly refused: readonly string[];
  readonly mayCut: boolean;
}

const phaseOf = (from: number, expectation: Expectation): Phase =>
  expectation === "answered"
    ? { from, mayPass: true, refused: [], mayCut: false }
    : { from, mayPass: false, refused: [expectation.refused], mayCut: false };

/** What was expected of one caller, and when. */
export class Expectations {
  readonly #phases: Phase[];

  constructor(first: Expectation) {
    this.#phases = [phaseOf(-Infinity, first)];
  }

  /** The change has begun: from now on both the old and the new outcome are right. */
  begin(expectation: Expectation, now = performance.now()): void {
    const { mayPass, refused } = phaseOf(now, expectation);
    const before = this.#phases.at(-1);
    this.#phases.push({
      from: now,
      mayPass: mayPass || before?.mayPass === true,
      refused: [...(before?.refused ?? []), ...refused],
      mayCut: expectation !== "answered" && expectation.cutsNothing !== true,
    });
  }

  /** The change is complete at this time: from then on only the new outcome is right. */
  settle(expectation: Expectation, at = performance.now()): void {
    this.#phases.push(phaseOf(at, expectation));
    // A soak changes its mind for hours; what is long over judges nobody any more.
    if (this.#phases.length > 100) this.#phases.splice(0, 50);
  }

  judge({ sentAt, endedAt, status, reason, fault }: Sent): Judged {
    const phases = this.#phases.filter(
      ({ from }, index) => from <= endedAt && (this.#phases[index + 1]?.from ?? Infinity) > sentAt,
    );
    if (status === 200 && fault === undefined)
      return phases.at(-1)?.mayPass === true ? "answered" : "wronglyPassed";
    const refusals = phases.filter(({ refused }) => refused.length > 0);
    if (refusals.length === 0) return "wronglyFailed";
    // Cut without a reason may be what was under way when the change came; whoever asks later is told why.
    const isRight =
      (reason !== undefined && refusals.some(({ refused }) => refused.includes(reason))) ||
      (fault !== undefined && refusals.some(({ mayCut }) => mayCut));
    return isRight ? "refused" : "wronglyRefused";
  }
}
