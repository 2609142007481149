import type { ErrorCode } from "./error-catalogue.ts";

/**
 * A fault: something that should work and does not. (A denial is a value, see `model/verdict.ts`.)
 * The code decides status and public sentence; `message` and `cause` are for the operator's log only.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  /** Seconds after which a retry may help, if the fault knows better than the catalogue. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "GatewayError";
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** A sentence for logs out of anything thrown, causes included, outermost first. */
export function describeFault(fault: unknown): string {
  const parts: string[] = [];
  // Eight links are more than any real chain has; a cyclic `cause` must not hang the logger.
  for (let at = fault, depth = 0; at !== undefined && at !== null && depth < 8; depth += 1) {
    if (at instanceof AggregateError && at.message === "")
      parts.push(at.errors.map(describeFault).join(", "));
    else if (at instanceof Error) parts.push(at.message || at.name);
    else parts.push(typeof at === "string" ? at : `something that is no Error was thrown (${typeof at})`);
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.filter((part, index) => part !== parts[index - 1]).join(": ");
}
