/** Why bytes are not the form that may be forwarded. The message is a rule, sent to the caller. */
export class MultipartFault extends Error {
  override readonly name = "MultipartFault";
  readonly code: "request_malformed" | "deployment_not_permitted";

  constructor(message: string, code: MultipartFault["code"] = "request_malformed") {
    super(message);
    this.code = code;
  }
}
