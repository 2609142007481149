import { GatewayError } from "../kernel/errors.ts";

/** An attempt that failed because of its backend, or of the way there. */
export class BackendFault extends GatewayError {
  /** False: not a byte of the request reached the backend. True also where nobody knows. */
  readonly sent: boolean;

  constructor(
    code: "backend_unreachable" | "backend_timeout",
    message: string,
    { sent, cause }: { readonly sent: boolean; readonly cause?: unknown },
  ) {
    super(code, message, { cause });
    this.sent = sent;
  }
}
