import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalAws, startLocalAws } from "../../src/dev/aws/local-aws.ts";
import { faults } from "../../src/dev/azure/faults.ts";
import { type LocalAzure, startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import { type AzureCliStub, installAzureCliStub } from "../support/azure-cli-stub.ts";
import { type EntraUnderTest, startEntraUnderTest } from "../support/entra.ts";
import { gatewayRole, modelArn } from "../support/local-aws.ts";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

/** Every credential that keeps something, with what it says while it has nothing, and whether what it keeps ends. */
const kept: readonly [name: string, sentence: RegExp, ends: boolean][] = [
  ["identity", /identity endpoint fails with status 500/, true],
  ["secret", /Entra fails with status 500/, true],
  ["certificate", /Entra fails with status 500/, true],
  ["workload", /Entra fails with status 500/, true],
  ["cli", /nobody is logged in as this process's user; type: az login/, true],
  ["chain", /none of the ways of DefaultAzureCredential works here/, true],
  ["key", /file .*api-key is empty/, false],
  ["role", /STS or the metadata service fails with status 500/, true],
  ["bearer", /file .*bearer is empty/, false],
];

let world: World;
let azure: LocalAzure;
let entra: EntraUnderTest;
let aws: LocalAws;
let az: AzureCliStub;

beforeAll(async () => {
  const pki = await createTestPki();
  const tls = { cert: pki.server.chainPem, key: pki.server.keyPem };
  azure = await startLocalAzure({ tls, deployments: { "gpt-test": "gpt-4o" } });
  entra = await startEntraUnderTest({ pki, tokens: azure.tokens });
  aws = await startLocalAws({ tls, models: [modelArn], roles: [{ arn: gatewayRole }] });
  const user = aws.keyring.addUser("gateway");
  process.env["AWS_ENDPOINT_URL_STS"] = aws.sts.url;
  az = await installAzureCliStub();
  await az.answer({ stderr: "ERROR: Please run 'az login' to setup account.", code: 1 });
  azure.managedIdentity.faults.always(faults.serverError());
  entra.entra.faults.always(faults.serverError());
  aws.sts.faults.always(faults.serverError());
  const app = {
    tenantId: entra.tenantId,
    clientId: entra.app.clientId,
    cloud: { authorityHost: entra.entra.url, caFile: "root.pem" },
  };
  world = await startWorld({
    pki,
    azure,
    files: {
      secret: entra.secret,
      "app.pem": entra.certificate.chainPem,
      "app.key": entra.certificate.keyPem,
      token: entra.federatedToken(),
      "api-key": "\n",
      bearer: "\n",
      "key-id": user.accessKeyId,
      "key-secret": user.secretAccessKey,
    },
    configure(config) {
      config["credentials"] = {
        identity: { type: "managed-identity" },
        secret: { type: "client-secret", ...app, secret: { file: "secret" } },
        certificate: {
          type: "client-certificate",
          ...app,
          certificate: { file: "app.pem", keyFile: "app.key" },
        },
        workload: { type: "workload-identity", ...app, tokenFile: "token" },
        cli: { type: "azure-cli" },
        // Another audience: the SDK has one cache for every managed identity of the process.
        chain: { type: "default", audience: "https://ai.azure.com" },
        key: { type: "api-key", primary: { file: "api-key" } },
        role: {
          type: "aws",
          keys: { accessKeyId: { file: "key-id" }, secretAccessKey: { file: "key-secret" } },
          assumeRole: { roleArn: gatewayRole },
          stsRegion: "eu-central-1",
        },
        bearer: { type: "aws-bearer", key: { file: "bearer" } },
      };
      config["backends"] = {};
      config["deployments"] = {};
      for (const [name] of kept) {
        const onAws = name === "role" || name === "bearer";
        config["backends"][name] = {
          ...(onAws ? { kind: "bedrock", region: "eu-central-1" } : {}),
          endpoint: onAws ? aws.bedrock.url : azure.openAi.url,
          credential: name,
          caFile: "root.pem",
        };
        config["deployments"][name] = {
          backends: [{ backend: name, deployment: onAws ? modelArn : "gpt-test" }],
        };
      }
      config["clients"]["device-1"].deployments = kept.map(([name]) => name);
    },
  });
}, 60_000);
afterAll(async () => {
  await world.stop();
  await Promise.all([azure.stop(), entra.entra.stop(), aws.stop(), az.remove()]);
});

const chatWith = (model: string) => ({
  path: "/openai/v1/chat/completions",
  body: { model, messages: [{ role: "user", content: "hi" }] },
});
interface Item {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
  readonly expiresInSeconds?: number;
}
const readiness = async () => {
  const answer = await world.admin("/readyz");
  const { items } = (await answer.json()) as { items: Item[] };
  return {
    status: answer.status,
    of: (name: string) => items.find((item) => item.name === `credential ${name}`),
  };
};
const metrics = async () => (await world.admin("/metrics")).text();
const stateLine = (name: string, state: string, value: number) =>
  `certgate_source_state{source="credential ${name}",state="${state}"} ${value}`;

describe("a credential that never had anything", () => {
  it.each(kept)("(%s) is told everywhere, with the reason", async (name, sentence) => {
    const answer = await world.ask(chatWith(name));
    expect([answer.status, answer.headers["x-certgate-reason"]]).toEqual([503, "credential_unavailable"]);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    expect(answer.text).not.toMatch(sentence);

    const { status, of } = await readiness();
    expect(status).toBe(503);
    expect(of(name)).toMatchObject({ ok: false, detail: expect.stringMatching(sentence) });
    expect(of(name)).not.toHaveProperty("expiresInSeconds");

    const page = await metrics();
    expect(page).toContain(stateLine(name, "empty", 1));
    expect(page).toContain(stateLine(name, "fresh", 0));
    expect(page).not.toContain(`certgate_source_expires_in_seconds{source="credential ${name}"}`);

    const told = (await world.log()).filter((line) => line["credential"] === name);
    expect(told.map(({ reason }) => String(reason)).join("\n")).toMatch(sentence);
    const line = (await world.log()).find(
      ({ requestId }) => requestId === answer.headers["x-certgate-request-id"],
    );
    expect(line).toMatchObject({ reason: "credential_unavailable", answeredBy: "gateway" });
    expect(line?.["detail"]).toMatch(sentence);
  });

  it("is told to be fresh, with its end, when its source works again", async () => {
    for (const source of [azure.managedIdentity, entra.entra, aws.sts]) source.faults.clear();
    await writeFile(join(world.directory, "api-key"), "0123456789abcdef0123456789abcdef\n");
    await writeFile(join(world.directory, "bearer"), "bedrock-api-key-1\n");
    const { token, expiresAt } = azure.tokens.issue("https://cognitiveservices.azure.com", 3600);
    await az.answer({
      stdout: JSON.stringify({
        accessToken: token,
        expires_on: Math.floor(expiresAt / 1000),
        tokenType: "Bearer",
      }),
    });
    for (const [name, , ends] of kept) {
      await expect
        .poll(async () => (await world.ask(chatWith(name))).status, { timeout: 40_000, interval: 250 })
        .not.toBe(503);
      const item = (await readiness()).of(name);
      expect(item).toMatchObject({ ok: true });
      expect(item?.detail).toBeUndefined();
      expect((item?.expiresInSeconds ?? 0) > 60).toBe(ends);
      const page = await metrics();
      expect(page).toContain(stateLine(name, "fresh", 1));
      expect(page).toContain(stateLine(name, "empty", 0));
      expect(page.includes(`certgate_source_expires_in_seconds{source="credential ${name}"}`)).toBe(ends);
    }
    expect((await readiness()).status).toBe(200);
  }, 120_000);
});
