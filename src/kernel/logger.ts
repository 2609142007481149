/**
 * Where rooms write what an operator should know. The adapter stands in `telemetry/`; a room takes this port and
 * never a library. `fields` first, so that a line is data with a sentence and not a sentence with data in it.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Drops everything: for `certgate explain` and for tests that do not look at the log. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
