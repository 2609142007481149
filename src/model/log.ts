/**
 * Where a room reports what an operator should know: fields first, then a sentence. pino's loggers fit as they are.
 * Neither fields nor sentence ever hold a secret, a token, a key or a prompt.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
