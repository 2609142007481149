/** One command of `certgate`: a file each. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help text. */
  readonly help: string;
  /** @returns the exit code. @throws UsageError for words that do not fit */
  run(words: readonly string[]): Promise<number>;
}

/** The command's words do not fit: told in one line with a pointer to the help, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

export const exitCodes = { ok: 0, failed: 1, usage: 2, denied: 3 } as const;
