/** Why bytes are not the form that may be forwarded. The message is a rule, sent to the caller. */
export class MultipartFault extends Error {
  override readonly name = "MultipartFault";
}
