/**
 * Why bytes are no usable certificate, CRL or PEM file. `malformed`: not the DER or base64 that it must be.
 * `unsupported`: well formed, but of a kind that is deliberately not understood. `too-large`: over a stated limit.
 */
export type PkiErrorReason = "malformed" | "unsupported" | "too-large";

/** The only error that the parsers of this folder throw. The sentence never contains more than names of fields. */
export class PkiError extends Error {
  readonly reason: PkiErrorReason;

  constructor(reason: PkiErrorReason, message: string) {
    super(message);
    this.name = "PkiError";
    this.reason = reason;
  }
}

/** A PkiError for bytes that are not what the standard says, e.g. `malformed("basicConstraints", "trailing data")`. */
export const malformed = (what: string, why: string): PkiError =>
  new PkiError("malformed", `${what}: ${why}`);
