import { onTestFinished } from "vitest";
import { type LocalAws, type LocalAwsOptions, startLocalAws } from "../../src/dev/aws/local-aws.ts";
import { testPki } from "./test-pki.ts";

export const modelWithColon = "anthropic.claude-3-haiku-20240307-v1:0";
export const modelArn =
  "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-v1:0";
export const gatewayRole = "arn:aws:iam::123456789012:role/gateway";
export const guardedRole = "arn:aws:iam::123456789012:role/guarded";

/** A local AWS with a model, an inference profile's ARN and two roles; stopped when the test ends. */
export async function localAws(options: Partial<LocalAwsOptions> = {}): Promise<LocalAws> {
  const { server } = await testPki();
  const aws = await startLocalAws({
    tls: { cert: server.chainPem, key: server.keyPem },
    models: [modelWithColon, modelArn],
    roles: [{ arn: gatewayRole }, { arn: guardedRole, externalId: "contoso-7" }],
    ...options,
  });
  onTestFinished(() => aws.stop());
  return aws;
}
