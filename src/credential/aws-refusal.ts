/**
 * What Bedrock says of keys that it does not take (any more), where other keys may be taken. Denials of a right
 * (`AccessDeniedException`) are none of them: with new keys of the same role they come again.
 */
const ofKeys: ReadonlySet<string> = new Set([
  "ExpiredTokenException",
  "ExpiredToken",
  "UnrecognizedClientException",
  "InvalidClientTokenId",
]);

/**
 * Tells whether an answer refuses the keys rather than the request: then `refused` of the credential is to be asked.
 * @param headers flat raw pairs of the answer
 */
export function refusesAwsKeys(status: number, headers: readonly string[]): boolean {
  if (status !== 401 && status !== 403) return false;
  for (let at = 0; at + 1 < headers.length; at += 2)
    if (headers[at]?.toLowerCase() === "x-amzn-errortype")
      // `ExpiredTokenException:http://internal.amazon.com/...` occurs too.
      return ofKeys.has((headers[at + 1] ?? "").split(":", 1)[0] ?? "");
  return false;
}
