import { type AttemptOutcome, isFailingStatus } from "./attempt-outcome.ts";

/** What of a request bears on whether it may be sent twice. */
export interface RepeatableRequest {
  /** The operation table's word: a second attempt at another backend can do no harm. */
  readonly retryable: boolean;
  /** The whole body is at hand, or there is none. */
  readonly replayable: boolean;
}

/**
 * Whether a request whose attempt went so may be tried again elsewhere. Only asked while the client has not been sent
 * a byte. Without a body that can be sent again the answer is no, whatever happened.
 */
export function mayTryAgain(outcome: AttemptOutcome, { retryable, replayable }: RepeatableRequest): boolean {
  if (!replayable) return false;
  switch (outcome.kind) {
    case "unsent":
      return true;
    case "answered":
      // 429 says that the request was not served (RFC 6585 4). 503 does not: it may have failed halfway.
      return outcome.status === 429 || (retryable && isFailingStatus(outcome.status));
    case "timeout":
    case "broken":
      return retryable;
  }
}
