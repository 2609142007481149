/** What is to become of a caller's requests: `answered`, or refused with this reason. */
export type Expectation = "answered" | { readonly refused: string };

/** One request and its end. Times as `performance.now()`. */
export interface Sent {
  readonly sentAt: number;
  readonly endedAt: number;
  /** 0 where no answer began. */
  readonly status: number;
  /** `x-certgate-reason` */
  readonly reason?: string;
  /** Why there is no whole answer, or none of the request's own. */
  readonly fault?: string;
}

export type Judged = "answered" | "refused" | "wronglyFailed" | "wronglyPassed" | "wronglyRefused";

interface Phase {
  readonly from: number;
  readonly mayPass: boolean;
  /** Undefined: must not be refused. */
  readonly refused: string | undefined;
}

const phaseOf = (from: number, expectation: Expectation): Phase =>
  expectation === "answered"
    ? { from, mayPass: true, refused: undefined }
    : { from, mayPass: false, refused: expectation.refused };

/** What was expected of one caller, and when. */
export class Expectations {
  readonly #phases: Phase[];

  constructor(first: Expectation) {
    this.#phases = [phaseOf(-Infinity, first)];
  }

  /** The change has begun: from now on both the old and the new outcome are right. */
  begin(expectation: Expectation, now = performance.now()): void {
    const { refused } = phaseOf(now, expectation);
    this.#phases.push({ from: now, mayPass: true, refused: refused ?? this.#phases.at(-1)?.refused });
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
    const refusals = phases.filter(({ refused }) => refused !== undefined);
    if (refusals.length === 0) return "wronglyFailed";
    // Cut without a reason may be what was under way when the change came; whoever asks later is told why.
    const isRight =
      fault === undefined
        ? refusals.some(({ refused }) => refused === reason)
        : refusals.some(({ mayPass }) => mayPass);
    return isRight ? "refused" : "wronglyRefused";
  }
}
