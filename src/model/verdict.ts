import type { ErrorCode } from "../kernel/error-catalogue.ts";

/** One check that was made on the way to a decision. */
export interface TraceStep {
  /** The check's stable name in kebab-case, e.g. `validity`, `key-usage`, `crl`, `client-map`. */
  readonly check: string;
  readonly outcome: "pass" | "fail" | "info";
  /** A sentence for people: what was found. Never a secret, a token or a prompt. */
  readonly detail: string;
  /** Whose certificate it is about, as a subject in RFC 4514 form. */
  readonly certificate?: string;
  /** Where the rule comes from, e.g. `RFC 5280 6.1.3(a)(2)`. */
  readonly rfc?: string;
}

/** The decision went through; `value` is the proof that the next stage asks for. */
export interface Allowed<T> {
  readonly allowed: true;
  readonly value: T;
  readonly trace: readonly TraceStep[];
}

/** An answer that the caller gets word for word as the backend would give it. */
export interface BackendAnswer {
  readonly status: number;
  readonly message: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** The decision is no. The HTTP answer, the audit record and `certgate explain` are renderings of this value. */
export interface Denied {
  readonly allowed: false;
  readonly code: ErrorCode;
  /**
   * Why, in one sentence about the caller's own certificate or request: it is sent to the caller, unless the answer is
   * given in the backend's words.
   */
  readonly detail: string;
  /** In whose words the caller is answered: then `detail` is for the operator alone. */
  readonly inBackendsWords?: BackendAnswer;
  readonly trace: readonly TraceStep[];
}

export type Verdict<T> = Allowed<T> | Denied;

/** Shared: most verdicts on the way of a request have nothing to tell. */
const nothing: readonly TraceStep[] = Object.freeze([]);

export const allow = <T>(value: T, trace: readonly TraceStep[] = nothing): Allowed<T> => ({
  allowed: true,
  value,
  trace,
});

export const deny = (code: ErrorCode, detail: string, trace: readonly TraceStep[] = nothing): Denied => ({
  allowed: false,
  code,
  detail,
  trace,
});
