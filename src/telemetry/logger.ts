import { pino } from "pino";
import type { Logger } from "../kernel/logger.ts";
import { redactFields, redactText } from "../kernel/redact.ts";

/** From the most to the least: a level writes itself and everything after it. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** The process's log: the port that rooms take, and what only its owner may do. */
export interface ProcessLog extends Logger {
  setLevel(level: LogLevel): void;
  /** Resolves when every line so far was handed to the operating system. */
  flush(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** File descriptor to write to. Default 1, standard output. */
  readonly fd?: number;
}

/**
 * JSON lines with `level`, `time` (ISO 8601, UTC), the fields, and `msg`. Lines are written asynchronously, in
 * order, as soon as the descriptor takes them; what is still pending when the process exits is written then. Only a
 * crash of the process itself (SIGKILL, out of memory) can lose lines.
 */
export function createLogger(options: LoggerOptions): ProcessLog {
  const destination = pino.destination({ fd: options.fd ?? 1, sync: false });
  const sink = pino(
    {
      level: options.level,
      base: null,
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
        destination.flush((error) => (error ? reject(error) : resolve()));
      }),
  };
}
