import type { Calls } from "./calls.ts";

/** How a worker's process ended. */
export interface WorkerEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  /** What it said of its own crash, if it came to that. */
  readonly crash?: string;
}

/** What a worker answers to its start. A refusal is its own sentence: the same start would fail in the same way. */
export type StartAnswer = { readonly ready: true } | { readonly ready: false; readonly refusal: string };

/** One worker's process, seen from its supervisor. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  readonly calls: Calls;
  /** Resolves when it serves, or refuses to. Stays open where the process ends without a word. */
  readonly started: Promise<StartAnswer>;
  /** Resolves when it says that it drains, whoever told it to; from then on it takes no connections. */
  readonly leaving: Promise<void>;
  /** Resolves, always, when the process is gone. */
  readonly ended: Promise<WorkerEnd>;
  /** Asks it to drain and to end. */
  stop(graceMs: number): void;
  /** Ends it at once. */
  kill(): void;
}

export function describeEnd({ code, signal, crash }: WorkerEnd): string {
  const how = signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
  return crash === undefined ? how : `${how}: ${crash}`;
}
