import { BackendFault } from "../backend-fault.ts";

/** Something that is waited for did not come in time. */
export class TookTooLong extends Error {
  override readonly name = "TookTooLong";

  constructor(what = "the backend took too long") {
    super(what);
  }
}

/**
 * What became of an attempt, whichever lane it was on.
 * @param sent whether a byte of the request may have reached the backend
 */
export const toBackendFault = (cause: unknown, sent: boolean): BackendFault =>
  cause instanceof TookTooLong
    ? new BackendFault("backend_timeout", "the backend took too long", { sent, cause })
    : new BackendFault("backend_unreachable", "the backend could not be reached or broke off", {
        sent,
        cause,
      });
