import { pino } from "pino";
import type { Logger } from "../kernel/logger.ts";
import { redactFields, redactText } from "../kernel/redact.ts";

/** From the most to the least: a level writes itself and everything after it. */
export type LogLevel = "debug" | "info" | "warn" | "error";

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

/** Bytes that may wait for a slow or blocked reader. Beyond them lines are dropped: the gateway outlives its log. */
const mostPending = 64 * 1024 * 1024;

/**
 * JSON lines with `level`, `time` (ISO 8601, UTC), the fields, and `msg`. Lines are written asynchronously, in
 * order, as soon as the descriptor takes them; what is still pending when the process exits is written then. Only a
 * crash of the process itself (SIGKILL, out of memory) can lose lines.
 */
export function createLogger(options: LoggerOptions): ProcessLog {
  // A minimum of one byte changes nothing but `flush`: with none, it calls back before the lines are written.
  const destination = pino.destination({
    fd: options.fd ?? 1,
    sync: false,
    minLength: 1,
    maxLength: mostPending,
    ...(options.worker === undefined ? {} : { maxWrite: unmixedWrite }),
  });
  // Without a listener a full disk would end the process. What was not written is tried again with the next line.
  destination.on("error", (error: Error) =>
    process.emitWarning(`the log cannot be written: ${error.message}`),
  );
  const sink = pino(
    {
      level: options.level,
      base: options.worker === undefined ? null : { worker: options.worker },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const writer = (level: LogLevel) => (fields: object, message: string) => {
    // Asked first: a line that nobody will read must not cost a walk through its fields.
    if (sink.isLevelEnabled(level)) sink[level](redactFields(fields), redactText(message));
  };
  return {
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
    setLevel(level) {
      sink.level = level;
    },
    flush: () =>
      new Promise((resolve, reject) => {
        destination.flush((error) => (error && !isSyncRefusal(error) ? reject(error) : resolve()));
      }),
  };
}

/** The lines are written; only fsync, which follows, is not for pipes and terminals. */
const isSyncRefusal = (error: Error): boolean => "syscall" in error && error.syscall === "fsync";
