import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { testAwsCredential } from "../../src/compose/aws-credentials.ts";
import { credential } from "../../src/config/credential-schema.ts";
import { createAwsCredential } from "../../src/credential/aws-credential.ts";
import { readAwsCaller } from "../../src/credential/adapters/aws-caller.ts";
import {
  type AwsKeySourceOptions,
  createAwsKeySource,
} from "../../src/credential/adapters/aws-key-source.ts";
import { signAwsRequest } from "../../src/credential/adapters/aws-signature.ts";
import type { Fault } from "../../src/dev/azure/faults.ts";
import type { KnownKey } from "../../src/dev/aws/keyring.ts";
import type { LocalAws } from "../../src/dev/aws/local-aws.ts";
import { describeFault, GatewayError } from "../../src/kernel/errors.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { gatewayRole, guardedRole, localAws } from "../support/local-aws.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { tempDir } from "../support/temp-dir.ts";

let aws: LocalAws;
let user: KnownKey;
let directory: string;

beforeEach(async () => {
  directory = await tempDir();
  process.env["AWS_SHARED_CREDENTIALS_FILE"] = join(directory, "credentials");
  process.env["AWS_CONFIG_FILE"] = join(directory, "config");
  process.env["AWS_EC2_METADATA_DISABLED"] = "true";
  aws = await localAws();
  user = aws.keyring.addUser("gateway");
});

const secret = (name: string, value: string) => ({ name, read: () => Promise.resolve(value) });
const keysOf = (key: KnownKey) =>
  ({
    from: "keys",
    accessKeyId: secret("id", key.accessKeyId),
    secretAccessKey: secret("secret", key.secretAccessKey),
  }) as const;
const role = { roleArn: gatewayRole, sessionName: "certgate" };
const assuming = (changes: Partial<AwsKeySourceOptions> = {}): AwsKeySourceOptions => ({
  origin: keysOf(user),
  assumeRole: role,
  sts: { region: "eu-central-1", endpoint: aws.sts.url },
  ...changes,
});
const never = new AbortController().signal;

async function faultOf(promise: Promise<unknown>): Promise<GatewayError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof GatewayError) return outcome;
  throw new Error("expected a GatewayError", { cause: outcome });
}

const stsError = (status: number, code: string): Fault => ({
  kind: "answer",
  status,
  headers: { "content-type": "text/xml" },
  body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
});

describe("a fault of STS says what to do", () => {
  it.each<[string, Fault, RegExp]>([
    ["a reset", { kind: "reset" }, /cannot be reached/],
    ["400 RegionDisabled", stsError(400, "RegionDisabledException"), /not activated in this region/],
    ["403 AccessDenied", stsError(403, "AccessDenied"), /trust policy and the external id/],
    ["403 InvalidClientTokenId", stsError(403, "InvalidClientTokenId"), /does not know the access key/],
    ["403 RequestExpired", stsError(403, "RequestExpired"), /clock right/],
    ["400 Throttling", stsError(400, "Throttling"), /throttles/],
    ["500", stsError(500, "InternalFailure"), /fails with status 500/],
    ["503 that is no XML", { kind: "answer", status: 503, body: "busy" }, /fails with status 503/],
    [
      "garbage",
      { kind: "answer", status: 200, body: "<html><body>a login page" },
      /no keys could be obtained/,
    ],
    [
      "an answer without keys",
      { kind: "answer", status: 200, body: "<AssumeRoleResponse/>" },
      /answers without keys/,
    ],
  ])("%s, at once", async (_, fault, sentence) => {
    aws.sts.faults.always(fault);
    const error = await faultOf(createAwsKeySource(assuming())(never));
    expect(error.code).toBe("credential_unavailable");
    expect(error.message).toMatch(sentence);
    expect(error.message).toContain(`AWS role ${gatewayRole} with the AWS access key: `);
    // The SDK's own retries would ask three times.
    expect(aws.sts.requests.all).toHaveLength(1);
  });

  it("a role that may not be assumed without its external id", async () => {
    const assumeRole = { ...role, roleArn: guardedRole, externalId: "contoso-8" };
    expect((await faultOf(createAwsKeySource(assuming({ assumeRole }))(never))).message).toMatch(
      /external id/,
    );
  });

  it("a web identity token that STS does not take", async () => {
    const tokenFile = join(directory, "token");
    await writeFile(tokenFile, "stale");
    const origin = { from: "web-identity", roleArn: gatewayRole, tokenFile, sessionName: "x" } as const;
    const { sts } = assuming();
    const error = await faultOf(createAwsKeySource({ origin, ...(sts === undefined ? {} : { sts }) })(never));
    expect(error.message).toMatch(/does not accept the web identity token/);
  });

  it("a web identity token file that is not there", async () => {
    const tokenFile = join(directory, "missing");
    const origin = { from: "web-identity", roleArn: gatewayRole, tokenFile, sessionName: "x" } as const;
    expect((await faultOf(createAwsKeySource({ origin })(never))).message).toMatch(/file.*cannot be read/);
  });

  it("a profile that is not there", async () => {
    const error = await faultOf(
      createAwsKeySource({ origin: { from: "profile", profile: "nobody" } })(never),
    );
    expect(error.message).toMatch(/AWS profile nobody: the shared files have no such profile/);
  });

  it("a host that has no keys at all", async () => {
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"])
      delete process.env[name];
    const error = await faultOf(createAwsKeySource({ origin: { from: "default-chain" } })(never));
    expect(error.message).toMatch(/AWS default chain: no way to keys was found/);
  });

  it("an STS that is not there", async () => {
    await aws.sts.stop();
    expect((await faultOf(createAwsKeySource(assuming())(never))).message).toMatch(/cannot be reached/);
  });

  it.each([200, 500])("and never shows keys that came in a broken answer with status %d", async (status) => {
    const leaked = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYabcd";
    aws.sts.faults.always({
      kind: "answer",
      status,
      headers: { "content-type": "text/xml" },
      body: `<AssumeRoleResponse><Credentials><SecretAccessKey>${leaked}</SecretAccessKey><SessionToken>opaque-token</Sess`,
    });
    const error = await faultOf(createAwsKeySource(assuming())(never));
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/wJalr|opaque-token/);
  });
});

describe("AWS keys that are kept", () => {
  const request = {
    origin: "https://b",
    region: "eu-central-1",
    method: "POST",
    path: "/",
    headers: [],
    body: null,
  };

  const manual = () => new ManualClock(Date.now());

  function keeping<Time extends Clock>(clock: Time) {
    const logger = createRecordingLogger();
    const kept = createAwsCredential({
      name: "bedrock",
      clock,
      logger,
      timeoutMs: 2000,
      random: () => 0,
      fetchKeys: createAwsKeySource(assuming()),
      sign: signAwsRequest,
    });
    onTestFinished(() => kept.stop());
    const keyId = async () => /Credential=(\w+)/.exec((await kept.headers(request)).join(" "))?.[1];
    return { clock, logger, kept, keyId };
  }

  it("are used while they are valid and STS is out, and replaced when it is back", async () => {
    const { clock, logger, kept, keyId } = keeping(manual());
    const first = await keyId();
    aws.sts.faults.always({ kind: "reset" });
    const freshness = async () => {
      await clock.advance(500);
      return kept.state().freshness;
    };
    await clock.advance(55 * 60_000);
    await expect.poll(freshness, { interval: 20, timeout: 5000 }).toBe("stale");
    expect(await keyId()).toBe(first);
    expect(logger.lines.at(-1)).toMatchObject({ level: "warn", fields: { credential: "bedrock" } });
    aws.sts.faults.clear();
    await expect.poll(freshness, { interval: 20, timeout: 5000 }).toBe("fresh");
    expect(await keyId()).not.toBe(first);
    expect(JSON.stringify(logger.lines)).not.toContain(user.secretAccessKey);
  });

  it("do not make a request wait for an STS that is slow", async () => {
    const { clock, keyId } = keeping(manual());
    const first = await keyId();
    aws.sts.faults.always({ kind: "hang" });
    const asked = aws.sts.requests.next();
    await clock.advance(50 * 60_000);
    await clock.advance(5 * 60_000);
    await asked;
    expect(await keyId()).toBe(first);
  });

  it("end their first wait in time where STS hangs", async () => {
    aws.sts.faults.always({ kind: "hang" });
    const { keyId } = keeping(systemClock);
    const error = await faultOf(keyId());
    expect(error.code).toBe("credential_unavailable");
    expect(describeFault(error)).toContain("no answer within 2000 ms");
    expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1);
  });

  it("let a caller leave who waits for them", async () => {
    aws.sts.faults.always({ kind: "hang" });
    const { kept } = keeping(manual());
    const leaving = new AbortController();
    const gone = kept.headers(request, leaving.signal);
    leaving.abort(new Error("the client left"));
    await expect(gone).rejects.toThrow("the client left");
  });

  it("are refused when this machine's clock is behind or before AWS's", async () => {
    aws.sts.setLifetime(-60);
    const error = await faultOf(keeping(manual()).keyId());
    expect(describeFault(error)).toMatch(/expired at .*is this machine's clock right/);
  });
});

describe("a clock that differs", () => {
  it.each([
    ["ahead", 10 * 60_000, /not yet current/],
    ["behind", -10 * 60_000, /Signature expired/],
  ])("by ten minutes %s makes signatures that AWS refuses", async (_, skew, message) => {
    const now = Date.now() + skew;
    const body = Buffer.from("{}");
    const request = { origin: aws.bedrock.url, method: "POST", path: "/model/x/converse", headers: [], body };
    const signed = await signAwsRequest(request, user, { region: "eu-central-1", service: "bedrock", now });
    const { checkSignature } = await import("../../src/dev/aws/signature-check.ts");
    const wire = {
      method: "POST",
      url: request.path,
      rawHeaders: ["host", new URL(aws.bedrock.url).host, ...signed],
      body,
    };
    const facts = { keyring: aws.keyring, service: "bedrock" };
    expect(checkSignature(wire, { ...facts, clock: systemClock })).toMatchObject({
      error: { message: expect.stringMatching(message) },
    });
    expect(checkSignature(wire, { ...facts, clock: new ManualClock(now) })).toMatchObject({
      key: { accessKeyId: user.accessKeyId },
    });
  });
});

describe("whose keys they are", () => {
  it("is told by STS: account and ARN", async () => {
    const keys = await createAwsKeySource(assuming())(never);
    expect(await readAwsCaller(keys, { endpoint: aws.sts.url, now: Date.now() })).toEqual({
      account: "123456789012",
      arn: "arn:aws:sts::123456789012:assumed-role/gateway/certgate",
    });
  });

  it("is told to `certgate credential test`, with the key's ending and end, and no secret", async () => {
    process.env["AWS_ENDPOINT_URL_STS"] = aws.sts.url;
    process.env["AWS_REGION"] = "eu-central-1";
    const options = credential.parse({
      type: "aws",
      keys: { accessKeyId: { env: "ID" }, secretAccessKey: { env: "SECRET" } },
      assumeRole: { roleArn: guardedRole, externalId: "contoso-7" },
    });
    if (options.type !== "aws") throw new Error("it is of another type");
    const report = await testAwsCredential(
      options,
      {
        clock: systemClock,
        secret: (source) =>
          secret("x", "env" in source && source.env === "ID" ? user.accessKeyId : user.secretAccessKey),
      },
      never,
    );
    delete process.env["AWS_ENDPOINT_URL_STS"];
    expect(report).toEqual({
      account: "123456789012",
      arn: "arn:aws:sts::123456789012:assumed-role/guarded/certgate",
      keyEnding: expect.stringMatching(/^[0-9A-F]{4}$/),
      expiresAt: expect.any(Number),
    });
  });

  it("is not told to who signs with a wrong secret", async () => {
    const wrong = { ...user, secretAccessKey: "x".repeat(40) };
    const error = await faultOf(readAwsCaller(wrong, { endpoint: aws.sts.url, now: Date.now() }));
    expect(error.message).toMatch(/secret access key.*clock/);
  });
});
