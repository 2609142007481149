import { describe, expect, it } from "vitest";
import { refusesAwsKeys } from "../../../src/credential/aws-refusal.ts";

describe("an answer of AWS's", () => {
  it.each([
    [403, ["x-amzn-ErrorType", "ExpiredTokenException"], true],
    [403, ["x-amzn-errortype", "ExpiredTokenException:http://internal.amazon.com/coral/"], true],
    [401, ["x-amzn-errortype", "UnrecognizedClientException"], true],
    [403, ["x-amzn-errortype", "AccessDeniedException"], false],
    [403, ["x-amzn-errortype", "InvalidSignatureException"], false],
    [403, [], false],
    [400, ["x-amzn-errortype", "ExpiredTokenException"], false],
    [200, ["x-amzn-errortype", "ExpiredTokenException"], false],
  ])("with status %d and %j refuses the keys: %s", (status, headers, refuses) => {
    expect(refusesAwsKeys(status, headers)).toBe(refuses);
  });
});
