import { describe, expect, it } from "vitest";
import { Keyring } from "../../../../src/dev/aws/keyring.ts";
import { checkSignature, type SignedRequest } from "../../../../src/dev/aws/signature-check.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

/** "get-vanilla" of the test suite that AWS publishes for Signature Version 4, with its well-known key. */
const clock = new ManualClock(Date.UTC(2015, 7, 30, 12, 36));
const keyring = new Keyring(clock);
keyring.add({
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  arn: "arn:aws:iam::123456789012:user/example",
});
const published = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

const request = (signature = published, changes: Partial<SignedRequest> = {}): SignedRequest => ({
  method: "GET",
  url: "/",
  rawHeaders: [
    "Host",
    "example.amazonaws.com",
    "X-Amz-Date",
    "20150830T123600Z",
    "Authorization",
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
  ],
  body: Buffer.alloc(0),
  ...changes,
});
const check = (given: SignedRequest) => checkSignature(given, { keyring, clock, service: "service" });

describe("the verifier of signatures", () => {
  it("takes the signature that AWS itself published", () => {
    expect(check(request())).toMatchObject({ key: { accessKeyId: "AKIDEXAMPLE" }, region: "us-east-1" });
  });

  it.each([
    ["another signature", request(published.replace("5", "6"))],
    ["another method", request(published, { method: "POST" })],
    ["another path", request(published, { url: "/x" })],
    ["a query", request(published, { url: "/?a=b" })],
    ["a body", request(published, { body: Buffer.from("x") })],
  ])("refuses %s", (_, given) => {
    expect(check(given)).toMatchObject({ error: { type: "InvalidSignatureException" } });
  });

  it("refuses an AWS header that was not signed", () => {
    const { rawHeaders } = request();
    expect(check(request(published, { rawHeaders: [...rawHeaders, "X-Amz-Target", "x"] }))).toMatchObject({
      error: { message: expect.stringContaining("must be signed") },
    });
  });

  it("refuses two Authorization headers", () => {
    const { rawHeaders } = request();
    expect(check(request(published, { rawHeaders: [...rawHeaders, "Authorization", "x"] }))).toMatchObject({
      error: { type: "IncompleteSignatureException" },
    });
  });
});
