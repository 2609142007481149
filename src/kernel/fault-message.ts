import { catalogue, type ErrorCode } from "./error-catalogue.ts";
import { describeFault, GatewayError } from "./errors.ts";

/** A fault as plain data, for the way from one process to another. */
export interface FaultMessage {
  /** Absent for what was no GatewayError. */
  readonly code?: ErrorCode;
  readonly sentence: string;
  /** The causes' sentences, outermost first. */
  readonly because?: string;
  readonly retryAfterSeconds?: number;
}

/** Code, sentences and retry time survive; stacks and whatever else hung on an error object stay behind. */
export function toFaultMessage(fault: unknown): FaultMessage {
  if (!(fault instanceof Error)) return { sentence: describeFault(fault) };
  const { cause } = fault;
  return {
    sentence: fault.message || fault.name,
    ...(cause === undefined || cause === null ? {} : { because: describeFault(cause) }),
    ...(fault instanceof GatewayError ? { code: fault.code } : {}),
    ...(fault instanceof GatewayError && fault.retryAfterSeconds !== undefined
      ? { retryAfterSeconds: fault.retryAfterSeconds }
      : {}),
  };
}

/** The fault again: `describeFault` says of it what it said of the original. */
export function fromFaultMessage({ code, sentence, because, retryAfterSeconds }: FaultMessage): Error {
  const cause = because === undefined ? {} : { cause: new Error(because) };
  // Another version's code would have no status here.
  if (code === undefined || !Object.hasOwn(catalogue, code)) return new Error(sentence, cause);
  return new GatewayError(code, sentence, {
    ...cause,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
