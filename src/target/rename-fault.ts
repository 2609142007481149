import { GatewayError } from "../kernel/errors.ts";

/** A request could not be proved to name what it should at its backend: a fault of the gateway, and nothing is sent. */
export class RenameFault extends GatewayError {
  constructor(why: string) {
    super("internal_error", why);
    this.name = "RenameFault";
  }
}
