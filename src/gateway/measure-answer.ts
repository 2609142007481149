import type { AnswerSink } from "../forward/forwarder.ts";
import type { Usage, UsageReader } from "../model/usage.ts";
import type { RequestHead } from "../target/parse-head.ts";
import { readBedrockAnswer } from "../usage/bedrock-answer.ts";

/** By what a request holds, how the usage in its good answer is read. What is not here tells none, or is not read yet. */
const readers: Partial<
  Record<RequestHead["operation"]["shape"], (headers: readonly string[]) => UsageReader | undefined>
> = { converse: readBedrockAnswer, invokeModel: readBedrockAnswer };

/** Looks on while an answer passes. */
export interface AnswerMeasure {
  /** Stands before `inner`, which gets everything first and unchanged. */
  measured(inner: AnswerSink): AnswerSink;
  /** The answer is over, whether it ended or was cut. Only the first call counts. */
  over(): void;
}

/**
 * @param told hears once of each good answer: its usage, or undefined where that cannot be known
 * @returns undefined for operations whose answers are not measured: they pass without any cost
 */
export function measureAnswer(
  { shape }: RequestHead["operation"],
  told: (usage: Usage | undefined) => void,
): AnswerMeasure | undefined {
  const choose = readers[shape];
  return choose === undefined ? undefined : new Measure(choose, told);
}

class Measure implements AnswerMeasure {
  readonly #choose: (headers: readonly string[]) => UsageReader | undefined;
  readonly #told: (usage: Usage | undefined) => void;
  /** `none`: nothing is to be told, or everything was. */
  #state: "none" | "good" = "none";
  #ended = false;
  #reader: UsageReader | undefined;

  constructor(
    choose: (headers: readonly string[]) => UsageReader | undefined,
    told: (usage: Usage | undefined) => void,
  ) {
    this.#choose = choose;
    this.#told = told;
  }

  measured(inner: AnswerSink): AnswerSink {
    return {
      head: (status, headers) => {
        if (status === 200) {
          this.#state = "good";
          this.#read(() => (this.#reader = this.#choose(headers)));
        }
        inner.head(status, headers);
      },
      data: (chunk) => {
        const hasRoom = inner.data(chunk);
        if (this.#reader !== undefined) this.#read(() => this.#reader?.push(chunk));
        return hasRoom;
      },
      end: () => {
        this.#ended = true;
        inner.end();
        // The record of the exchange is made when the last byte was sent, and that is told in a later turn.
        this.#settle();
      },
      error: (fault) => inner.error(fault),
    };
  }

  over(): void {
    if (!this.#ended) this.#settle();
  }

  #settle(): void {
    if (this.#state === "none") return;
    const usage = this.#ended ? this.#read(() => this.#reader?.end()) : undefined;
    this.#state = "none";
    this.#reader = undefined;
    this.#told(usage);
  }

  /** A reader that fails costs the count and nothing else: the answer is the client's, whatever becomes of it here. */
  #read<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch {
      this.#reader = undefined;
      return undefined;
    }
  }
}
