import { describe, expect, it } from "vitest";
import { checkAws } from "../../../src/config/check-aws.ts";
import { credential } from "../../../src/config/credential-schema.ts";
import { formatPath } from "../../../src/config/problem.ts";

function problemsOf(changes: object): string[] {
  const value = {
    credentials: {
      azure: { type: "managed-identity" },
      signing: { type: "aws" },
      bearer: { type: "aws-bearer" },
      nothing: { type: "none" },
    },
    ...changes,
  };
  const problems: string[] = [];
  checkAws({ path: [], value }, (path, message) => problems.push(`${formatPath(path)} ${message}`));
  return problems;
}
const backend = (type: string, kind?: string) => ({
  backends: { main: { credential: type, ...(kind === undefined ? {} : { kind }) } },
});

describe("AWS in a configuration", () => {
  it.each(["signing", "bearer", "nothing"])(
    "lets a backend of kind bedrock have the credential %s",
    (name) => {
      expect(problemsOf(backend(name, "bedrock"))).toEqual([]);
    },
  );

  it("keeps Azure's tokens from AWS", () => {
    expect(problemsOf(backend("azure", "bedrock"))).toEqual([
      expect.stringMatching(/^backends\.main\.credential is of type managed-identity, .*sent to AWS/),
    ]);
  });

  it.each([
    ["signing", undefined],
    ["bearer", "azure-openai"],
  ])("keeps %s from backends of another kind", (name, kind) => {
    expect(problemsOf(backend(name, kind))).toEqual([
      expect.stringMatching(/^backends\.main\.credential .*kind bedrock only/),
    ]);
  });

  it("lets no route lead to Bedrock", () => {
    const routes = { aws: { kind: "http", path: "/aws/", backend: "main" } };
    expect(problemsOf({ ...backend("signing", "bedrock"), routes })).toEqual([
      expect.stringMatching(/^routes\.aws\.backend .*cannot be signed/),
    ]);
  });

  it("opens no Key Vault", () => {
    expect(problemsOf({ keyVaults: { v: { credential: "signing" } } })).toEqual([
      expect.stringMatching(/^keyVaults\.v\.credential .*Entra/),
    ]);
  });

  it("may be of any shape", () => {
    for (const odd of [null, 7, "x", [], [null], { main: null }, { main: { credential: 7, kind: [] } }])
      expect(problemsOf({ backends: odd, routes: odd, keyVaults: odd })).toEqual([]);
  });
});

describe("an AWS credential's shape", () => {
  const role = "arn:aws:iam::123456789012:role/plant/gateway";
  const file = { file: "x" };

  it.each<[string, object]>([
    ["nothing: the default chain", {}],
    ["keys", { keys: { accessKeyId: { env: "ID" }, secretAccessKey: file } }],
    ["a profile", { profile: "plant", credentialsFile: "a", configFile: "b" }],
    ["a web identity", { webIdentity: { roleArn: role, tokenFile: "t" } }],
    ["a role", { assumeRole: { roleArn: role, externalId: "contoso-7", durationSeconds: 900 } }],
    ["a role of another partition", { assumeRole: { roleArn: role.replace("arn:aws:", "arn:aws-us-gov:") } }],
    ["a role from a profile", { profile: "plant", assumeRole: { roleArn: role } }],
    [
      "a private STS",
      { stsEndpoint: "https://vpce-1.sts.eu-central-1.vpce.amazonaws.com", stsRegion: "eu-central-1" },
    ],
  ])("takes %s", (_, options) => {
    expect(credential.safeParse({ type: "aws", ...options }).error).toBeUndefined();
  });

  it.each<[string, object]>([
    ["a secret that stands in it", { keys: { accessKeyId: "AKIA", secretAccessKey: "x" } }],
    ["two origins", { profile: "x", webIdentity: { roleArn: role, tokenFile: "t" } }],
    ["files without a profile", { credentialsFile: "x" }],
    ["a user as a role", { assumeRole: { roleArn: "arn:aws:iam::123456789012:user/x" } }],
    ["a session of a minute", { assumeRole: { roleArn: role, durationSeconds: 60 } }],
    ["a session name with a space", { assumeRole: { roleArn: role, sessionName: "a b" } }],
    ["an STS without TLS", { stsEndpoint: "http://sts.example" }],
    ["an unknown key", { region: "eu-central-1" }],
  ])("refuses %s", (_, options) => {
    expect(credential.safeParse({ type: "aws", ...options }).success).toBe(false);
  });

  it("looks for a Bedrock API key where AWS's own clients do", () => {
    expect(credential.parse({ type: "aws-bearer" })).toMatchObject({
      key: { env: "AWS_BEARER_TOKEN_BEDROCK" },
      refreshSeconds: 60,
    });
  });
});
