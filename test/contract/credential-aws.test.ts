import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createAwsCredential } from "../../src/credential/aws-credential.ts";
import { forRegion } from "../../src/credential/for-region.ts";
import { refusesAwsKeys } from "../../src/credential/aws-refusal.ts";
import {
  type AwsKeySourceOptions,
  createAwsKeySource,
} from "../../src/credential/adapters/aws-key-source.ts";
import { signAwsRequest } from "../../src/credential/adapters/aws-signature.ts";
import { environmentSecret } from "../../src/credential/adapters/environment-secret.ts";
import { fileSecret } from "../../src/credential/adapters/file-secret.ts";
import type { KnownKey } from "../../src/dev/aws/keyring.ts";
import { checkSignature } from "../../src/dev/aws/signature-check.ts";
import type { LocalAws } from "../../src/dev/aws/local-aws.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { forwarderTo } from "../support/forwarded.ts";
import { gatewayRole, guardedRole, localAws, modelArn, modelWithColon } from "../support/local-aws.ts";
import { tempDir } from "../support/temp-dir.ts";
import { testPki } from "../support/test-pki.ts";

let aws: LocalAws;
let user: KnownKey;
let directory: string;
const variables = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_PROFILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_CONFIG_FILE",
  "AWS_ENDPOINT_URL_STS",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_ROLE_ARN",
  "AWS_ROLE_SESSION_NAME",
  "AWS_REGION",
  "AWS_EC2_METADATA_DISABLED",
];

beforeEach(async () => {
  directory = await tempDir();
  for (const name of variables) delete process.env[name];
  // Nothing of the machine's own may be found.
  process.env["AWS_SHARED_CREDENTIALS_FILE"] = join(directory, "credentials");
  process.env["AWS_CONFIG_FILE"] = join(directory, "config");
  process.env["AWS_EC2_METADATA_DISABLED"] = "true";
  aws = await localAws();
  user = aws.keyring.addUser("gateway");
});
const sts = () => ({ region: "eu-central-1", endpoint: aws.sts.url });
const file = async (name: string, text: string): Promise<string> => {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
};
const staticKeys = async (key: KnownKey = user): Promise<AwsKeySourceOptions["origin"]> => ({
  from: "keys",
  accessKeyId: fileSecret(await file("id", `${key.accessKeyId}\n`)),
  secretAccessKey: fileSecret(await file("secret", key.secretAccessKey)),
});

function credentialFor(source: AwsKeySourceOptions, clock: Clock = systemClock) {
  const credential = createAwsCredential({
    name: "bedrock",
    clock,
    logger: silentLogger,
    fetchKeys: createAwsKeySource(source),
    sign: signAwsRequest,
  });
  onTestFinished(() => credential.stop());
  return credential;
}

const converse = Buffer.from(
  JSON.stringify({ messages: [{ role: "user", content: [{ text: "say hällo" }] }] }),
);

interface Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly text: string;
}

/** Signs and sends as the gateway does, over its own forwarder. */
async function send(
  credential: ReturnType<typeof credentialFor>,
  path: string,
  body: Uint8Array = converse,
  more: readonly string[] = [],
  region = aws.bedrock.region,
): Promise<Answer & { readonly credentials: readonly string[] }> {
  const { root } = await testPki();
  const forwarder = forwarderTo(aws.bedrock.url, root.pem);
  const request = {
    method: "POST",
    path,
    headers: ["content-type", "application/json", "user-agent", "a  client/1", "accept", "*/*", ...more],
    body,
  };
  const credentials = await credential.headers({ ...request, origin: aws.bedrock.url, region });
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const chunks: Uint8Array[] = [];
  let head: [number, readonly string[]] = [0, []];
  forwarder.forward(
    { ...request, headers: [...request.headers, ...credentials] },
    {
      head: (...given) => (head = given),
      data: (chunk) => chunks.push(chunk) > 0,
      end: () => resolve({ status: head[0], headers: head[1], text: Buffer.concat(chunks).toString("utf8") }),
      error: reject,
    },
  );
  try {
    return { ...(await promise), credentials };
  } finally {
    await forwarder.close();
  }
}

const converseOf = (model: string): string => `/model/${encodeURIComponent(model)}/converse`;

describe("an AWS signature", () => {
  it.each([
    ["a colon", modelWithColon],
    ["an ARN's colons and slash", modelArn],
  ])("is good for a model id with %s", async (_, model) => {
    const answer = await send(credentialFor({ origin: await staticKeys() }), converseOf(model));
    expect(aws.bedrock.refusals.all).toEqual([]);
    expect([answer.status, aws.bedrock.requests.last?.model]).toEqual([200, model]);
    expect(aws.bedrock.requests.last?.caller).toBe("arn:aws:iam::123456789012:user/gateway");
  });

  it("is good for a colon that stands unescaped", async () => {
    const answer = await send(
      credentialFor({ origin: await staticKeys() }),
      `/model/${modelWithColon}/converse`,
    );
    expect(answer.status).toBe(200);
  });

  it("covers a query, in whatever order and spelling", async () => {
    const answer = await send(
      credentialFor({ origin: await staticKeys() }),
      `${converseOf(modelArn)}?b=2&a=1&include%5B%5D=x&include%5B%5D=a%20b&flag=`,
    );
    expect(answer.status).toBe(200);
  });

  it("covers large bodies of any bytes", async () => {
    const text = "é".repeat(1_000_000);
    const body = Buffer.from(JSON.stringify({ messages: [{ role: "user", content: [{ text }] }] }));
    expect(
      (await send(credentialFor({ origin: await staticKeys() }), converseOf(modelArn), body)).status,
    ).toBe(200);
  });

  it("signs host, content type and AWS's own headers, and nothing that a proxy may change", async () => {
    const { credentials } = await send(
      credentialFor({ origin: await staticKeys() }),
      converseOf(modelArn),
      converse,
      ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    );
    expect(credentials.filter((_, at) => at % 2 === 0).toSorted()).toEqual([
      "authorization",
      "x-amz-content-sha256",
      "x-amz-date",
    ]);
    expect(credentials.join(" ")).toContain(
      "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date,",
    );
  });

  it.each<[string, (request: { path: string; body: Uint8Array }) => object]>([
    ["another body", () => ({ body: Buffer.from("{}") })],
    ["another path", () => ({ path: converseOf(modelWithColon) })],
    ["another spelling of its path", ({ path }) => ({ path: path.replace("%3A", ":") })],
    ["a query", ({ path }) => ({ path: `${path}?x=1` })],
  ])("is not good for %s", async (_, change) => {
    const credential = credentialFor({ origin: await staticKeys() });
    const signed = { path: converseOf(modelArn), body: converse as Uint8Array };
    const original = credential.headers.bind(credential);
    const cheating = {
      ...credential,
      headers: (request: Parameters<typeof original>[0]) => original({ ...request, ...signed }),
    };
    const sent = { ...signed, ...change(signed) };
    const answer = await send(cheating, sent.path, sent.body);
    expect(answer.status).toBe(403);
    expect(aws.bedrock.refusals.last?.type).toBe("InvalidSignatureException");
  });

  it("is made for the region of the backend", async () => {
    const credential = credentialFor({ origin: await staticKeys() });
    await send(credential, converseOf(modelArn), converse, [], "us-west-2");
    expect(aws.bedrock.refusals.last?.message).toContain("'us-west-2'");
  });

  it("is made for the host that is sent, where that is not the endpoint's", async () => {
    const credential = credentialFor({ origin: await staticKeys() });
    const request = {
      origin: aws.bedrock.url,
      method: "POST",
      path: converseOf(modelArn),
      headers: [],
      body: converse,
    };
    const bedrock = forRegion(aws.bedrock.region, credential, "bedrock-runtime.eu-central-1.amazonaws.com");
    const signature = await bedrock.headers(request);
    const check = (host: string) =>
      checkSignature(
        { method: "POST", url: request.path, rawHeaders: ["Host", host, ...signature], body: converse },
        { keyring: aws.keyring, clock: systemClock, service: "bedrock" },
      );
    expect(check("bedrock-runtime.eu-central-1.amazonaws.com")).toMatchObject({ region: "eu-central-1" });
    expect(check(new URL(aws.bedrock.url).host)).toMatchObject({
      error: { type: "InvalidSignatureException" },
    });
  });

  it("is never made over a body that is not seen, nor for a backend that takes none", async () => {
    const credential = credentialFor({ origin: await staticKeys() });
    const request = {
      origin: aws.bedrock.url,
      method: "POST",
      path: "/",
      headers: [],
      body: "unseen" as const,
    };
    await expect(credential.headers({ ...request, region: "eu-central-1" })).rejects.toMatchObject({
      code: "internal_error",
      message: expect.stringContaining("cannot be signed"),
    });
    await expect(
      credential.headers({ ...request, origin: "https://contoso.openai.azure.com", body: null }),
    ).rejects.toMatchObject({ code: "internal_error", message: expect.stringContaining("kind bedrock") });
  });
});

describe("AWS keys", () => {
  it("come from the environment", async () => {
    process.env["GATEWAY_KEY_ID"] = user.accessKeyId;
    process.env["GATEWAY_SECRET"] = user.secretAccessKey;
    const origin = {
      from: "keys",
      accessKeyId: environmentSecret("GATEWAY_KEY_ID"),
      secretAccessKey: environmentSecret("GATEWAY_SECRET"),
    } as const;
    expect((await send(credentialFor({ origin }), converseOf(modelArn))).status).toBe(200);
  });

  it("with a session token come from files", async () => {
    const session = aws.keyring.addSession(gatewayRole, "by-hand", 900);
    const origin = {
      ...(await staticKeys(session)),
      sessionToken: fileSecret(await file("token", session.sessionToken)),
    } as AwsKeySourceOptions["origin"];
    const answer = await send(credentialFor({ origin }), converseOf(modelArn));
    expect(answer.status).toBe(200);
    expect(answer.credentials).toContain("x-amz-security-token");
  });

  it("come from a profile of the shared files", async () => {
    await file(
      "credentials",
      `[default]\naws_access_key_id = AKIA0000000000000000\naws_secret_access_key = wrong\n[plant]\naws_access_key_id = ${user.accessKeyId}\naws_secret_access_key = ${user.secretAccessKey}\n`,
    );
    const answer = await send(
      credentialFor({ origin: { from: "profile", profile: "plant" } }),
      converseOf(modelArn),
    );
    expect(answer.status).toBe(200);
  });

  it("come from a profile that assumes a role, in files of their own", async () => {
    const credentialsFile = await file(
      "other-credentials",
      `[base]\naws_access_key_id = ${user.accessKeyId}\naws_secret_access_key = ${user.secretAccessKey}\n`,
    );
    const configFile = await file(
      "other-config",
      `[profile plant]\nrole_arn = ${guardedRole}\nsource_profile = base\nexternal_id = contoso-7\nrole_session_name = from-profile\nregion = eu-central-1\n`,
    );
    const origin = { from: "profile", profile: "plant", credentialsFile, configFile } as const;
    const answer = await send(credentialFor({ origin, sts: sts() }), converseOf(modelArn));
    expect(answer.status).toBe(200);
    expect(aws.bedrock.requests.last?.caller).toBe(
      "arn:aws:sts::123456789012:assumed-role/guarded/from-profile",
    );
  });

  it("come from the default chain: environment first", async () => {
    process.env["AWS_ACCESS_KEY_ID"] = user.accessKeyId;
    process.env["AWS_SECRET_ACCESS_KEY"] = user.secretAccessKey;
    const answer = await send(credentialFor({ origin: { from: "default-chain" } }), converseOf(modelArn));
    expect(answer.status).toBe(200);
  });

  it("come from the default chain: a web identity that the cluster put there, STS named by the environment", async () => {
    aws.sts.webTokens.add("pod-token");
    process.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = await file("pod", "pod-token");
    process.env["AWS_ROLE_ARN"] = gatewayRole;
    process.env["AWS_ROLE_SESSION_NAME"] = "pod";
    process.env["AWS_REGION"] = "eu-central-1";
    process.env["AWS_ENDPOINT_URL_STS"] = aws.sts.url;
    const answer = await send(credentialFor({ origin: { from: "default-chain" } }), converseOf(modelArn));
    expect(answer.status).toBe(200);
    expect(aws.bedrock.requests.last?.caller).toContain("assumed-role/gateway/pod");
  });

  it("come from an assumed role, with external id, session name and duration", async () => {
    const assumeRole = {
      roleArn: guardedRole,
      externalId: "contoso-7",
      sessionName: "certgate-plant",
      durationSeconds: 900,
    };
    const credential = credentialFor({ origin: await staticKeys(), assumeRole, sts: sts() });
    const answer = await send(credential, converseOf(modelArn));
    expect(answer.status).toBe(200);
    expect(aws.bedrock.requests.last?.caller).toBe(
      "arn:aws:sts::123456789012:assumed-role/guarded/certgate-plant",
    );
    expect(aws.sts.requests.all).toHaveLength(1);
    expect(aws.sts.requests.last).toMatchObject({
      Action: "AssumeRole",
      ExternalId: "contoso-7",
      RoleSessionName: "certgate-plant",
      DurationSeconds: "900",
    });
    expect((credential.state().expiresAt ?? 0) - Date.now()).toBeLessThanOrEqual(900_000);
  });

  it("come from a web identity whose token file rotates", async () => {
    aws.sts.webTokens.add("first");
    const tokenFile = await file("web-token", "first");
    const origin = {
      from: "web-identity",
      roleArn: gatewayRole,
      tokenFile,
      sessionName: "certgate",
    } as const;
    const credential = credentialFor({ origin, sts: sts() });
    const before = await send(credential, converseOf(modelArn));
    aws.sts.webTokens.clear();
    aws.sts.webTokens.add("second");
    await writeFile(tokenFile, "second");
    aws.keyring.expire(keyIdOf(before.credentials));
    const refused = await send(credential, converseOf(modelArn));
    expect([refused.status, credential.refused(refused.credentials)]).toEqual([403, true]);
    expect((await send(credential, converseOf(modelArn))).status).toBe(200);
    expect(aws.sts.requests.all.map((asked) => asked["WebIdentityToken"])).toEqual(["first", "second"]);
  });

  it("are fetched once for a hundred concurrent first requests", async () => {
    const assumeRole = { roleArn: gatewayRole, sessionName: "certgate" };
    const credential = credentialFor({ origin: await staticKeys(), assumeRole, sts: sts() });
    const { url: origin, region } = aws.bedrock;
    const request = { origin, region, method: "POST", path: "/", headers: [], body: converse };
    const all = await Promise.all(Array.from({ length: 100 }, () => credential.headers(request)));
    expect(new Set(all.map(keyIdOf)).size).toBe(1);
    expect(aws.sts.requests.all).toHaveLength(1);
  });

  it("that expired early are fetched anew, once, and AWS's word for it is understood", async () => {
    const assumeRole = { roleArn: gatewayRole, sessionName: "certgate" };
    const credential = credentialFor({ origin: await staticKeys(), assumeRole, sts: sts() });
    const first = await send(credential, converseOf(modelArn));
    aws.keyring.expire(keyIdOf(first.credentials));
    const second = await send(credential, converseOf(modelArn));
    expect(refusesAwsKeys(second.status, second.headers)).toBe(true);
    expect(credential.refused(second.credentials)).toBe(true);
    expect(credential.refused(second.credentials)).toBe(true);
    expect((await send(credential, converseOf(modelArn))).status).toBe(200);
    expect(aws.sts.requests.all).toHaveLength(2);
    // A refusal of the old ones that arrives late is answered with the new ones at hand.
    expect(credential.refused(second.credentials)).toBe(true);
    expect(aws.sts.requests.all).toHaveLength(2);
  });

  it("that stay the same after a refusal are not fetched for each request", async () => {
    const credential = credentialFor({ origin: await staticKeys() });
    const { credentials } = await send(credential, converseOf(modelArn));
    expect(credential.refused(credentials)).toBe(true);
    await send(credential, converseOf(modelArn));
    expect(credential.refused(credentials)).toBe(false);
  });
});

const keyIdOf = (credentials: readonly string[]): string =>
  /Credential=(\w+)\//.exec(credentials.join(" "))?.[1] ?? "";
