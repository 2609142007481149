import type { AnswerSink } from "../forward/forwarder.ts";
import type { Clock } from "../kernel/clock.ts";

/** What becomes of an answer whose head has come, while the client has not been sent a byte. */
export type HeadVerdict =
  /** The client gets it, with another `Retry-After` where one is given. */
  | { readonly pass: true; readonly retryAfterSeconds?: number }
  /** It is thrown away: the request is tried again. */
  | { readonly pass: false };

export type HeadJudge = (status: number, headers: readonly string[]) => HeadVerdict;

interface GateContext {
  readonly clock: Clock;
  /** Asked once. Absent: every answer passes. */
  readonly onHead?: HeadJudge;
}

const passes: HeadVerdict = { pass: true };

/** Of an answer that is thrown away: a short one is read to its end, so that its connection lives on. */
const discarded = { bytes: 64 * 1024, ms: 1000 } as const;

/** Lets an answer through, or throws it away, as its head decides. */
export class HeadGate implements AnswerSink {
  readonly #inner: AnswerSink;
  readonly #context: GateContext;
  readonly #onDiscard: () => () => void;
  #discarding: { left: number; readonly over: () => void; readonly cancel: () => void } | undefined;

  /** @param onDiscard hears that the answer is thrown away; returns what cancels the rest of it */
  constructor(inner: AnswerSink, context: GateContext, onDiscard: () => () => void) {
    this.#inner = inner;
    this.#context = context;
    this.#onDiscard = onDiscard;
  }

  head(status: number, headers: readonly string[]): void {
    const verdict = this.#context.onHead?.(status, headers) ?? passes;
    if (verdict.pass) {
      const { retryAfterSeconds: seconds } = verdict;
      return this.#inner.head(status, seconds === undefined ? headers : withRetryAfter(headers, seconds));
    }
    const cancel = this.#onDiscard();
    const over = this.#context.clock.after(discarded.ms, cancel);
    this.#discarding = { left: discarded.bytes, over, cancel };
  }

  data(chunk: Uint8Array): boolean {
    const discarding = this.#discarding;
    if (discarding === undefined) return this.#inner.data(chunk);
    discarding.left -= chunk.length;
    if (discarding.left < 0) {
      discarding.over();
      discarding.cancel();
    }
    return true;
  }

  end(): void {
    if (this.#discarding === undefined) this.#inner.end();
    else this.#discarding.over();
  }

  error(fault: Error): void {
    if (this.#discarding === undefined) this.#inner.error(fault);
    else this.#discarding.over();
  }
}

/** @param headers flat raw pairs */
export function withRetryAfter(headers: readonly string[], seconds: number): string[] {
  const others: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    if (name !== "retry-after" && name !== "retry-after-ms")
      others.push(headers[at] as string, headers[at + 1] as string);
  }
  return [...others, "retry-after", String(seconds)];
}
