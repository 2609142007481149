import { fstatSync } from "node:fs";
import { pino } from "pino";
import { isoTime } from "../kernel/iso-time.ts";
import type { Logger } from "../kernel/logger.ts";
import { redactedLine } from "../kernel/redact.ts";

/** From the most to the least: a level writes itself and everything after it. */
export type LogLevel = "debug" | "info" | "warn" | "error";

const levels = ["debug", "info", "warn", "error"] as const satisfies readonly LogLevel[];

/** The process's log: the port that rooms take, and what only its owner may do. */
export interface ProcessLog extends Logger {
  setLevel(level: LogLevel): void;
  /** Resolves when every line so far was handed to the operating system. Rejects when it cannot be. */
  flush(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** File descriptor to write to. Default 1, standard output. */
  readonly fd?: number;
  /** Stands in each line, where several processes write to one descriptor. */
  readonly worker?: number;
}

/**
 * Bytes up to which a write to a pipe is never mixed with another process's (PIPE_BUF of Linux). Whole lines are
 * gathered up to it.
 */
const unmixedWrite = 4096;

/** Bytes to which lines are gathered where nobody else writes, or into a file, where each write is whole. */
const fullWrite = 64 * 1024;

/** Bytes that may wait for a slow or blocked reader. Beyond them lines are dropped: the gateway outlives its log. */
const mostPending = 64 * 1024 * 1024;

/**
 * Lines are gathered for so many milliseconds, or until they fill one write: a write for each would cost a request more
 * than everything else that is done for its line.
 */
const gatheredMs = 50;

/**
 * JSON lines with `level`, `time` (ISO 8601, UTC), the fields, and `msg`. Lines are written asynchronously, in
 * order, a few at a time; warnings and errors take everything before them along at once. What is still pending when the
 * process exits is written then. Only a crash of the process itself (SIGKILL, out of memory) can lose lines: those of
 * the last 50 ms, and what the descriptor did not take.
 */
export function createLogger(options: LoggerOptions): ProcessLog {
  const { fd = 1 } = options;
  const maxWrite = options.worker === undefined || isFile(fd) ? fullWrite : unmixedWrite;
  // A minimum of one byte changes nothing but `flush`: with none, it calls back before the lines are written.
  const destination = pino.destination({
    fd,
    sync: false,
    minLength: 1,
    maxLength: mostPending,
    maxWrite,
  });
  // Without a listener a full disk would end the process. What was not written is tried again with the next line.
  destination.on("error", (error: Error) =>
    process.emitWarning(`the log cannot be written: ${error.message}`),
  );
  const lines = new GatheredLines(maxWrite, (text) => void destination.write(text));
  const { worker } = options;
  let least = levels.indexOf(options.level);
  const writer = (level: LogLevel) => {
    const rank = levels.indexOf(level);
    const isUrgent = level === "warn" || level === "error";
    return (fields: object, message: string) => {
      // Asked first: a line that nobody will read must not cost a walk through its fields.
      if (rank < least) return;
      const time = isoTime(Date.now());
      const before = worker === undefined ? { level, time } : { level, time, worker };
      lines.write(`${redactedLine(before, fields, message)}\n`);
      if (isUrgent) lines.pass();
    };
  };
  return {
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
    setLevel(level) {
      least = levels.indexOf(level);
    },
    flush: () =>
      new Promise((resolve, reject) => {
        lines.pass();
        destination.flush((error) => (error && !isSyncRefusal(error) ? reject(error) : resolve()));
      }),
  };
}

/** The lines are written; only fsync, which follows, is not for pipes and terminals. */
const isSyncRefusal = (error: Error): boolean => "syscall" in error && error.syscall === "fsync";

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Holds lines back for a moment, to pass on several at once. */
class GatheredLines {
  readonly #most: number;
  readonly #passOn: (text: string) => void;
  #text = "";
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param most bytes that are passed on at once; a line that is longer by itself is passed on alone */
  constructor(most: number, passOn: (text: string) => void) {
    this.#most = most;
    this.#passOn = passOn;
  }

  write(line: string): void {
    // A pipe counts bytes: by characters, lines that are not ASCII would be gathered beyond what it keeps whole.
    const bytes = Buffer.byteLength(line);
    if (this.#bytes + bytes > this.#most) this.pass();
    this.#text += line;
    this.#bytes += bytes;
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.pass, gatheredMs);
    // Before the destination's own listener, which writes out what it was given.
    process.prependListener("exit", this.pass);
  }

  readonly pass = (): void => {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      process.off("exit", this.pass);
    }
    const text = this.#text;
    this.#text = "";
    this.#bytes = 0;
    if (text !== "") this.#passOn(text);
  };
}
