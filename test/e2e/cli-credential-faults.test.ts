import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalManagedIdentity, startManagedIdentity } from "../../src/dev/azure/managed-identity.ts";
import { type AzureCliStub, installAzureCliStub } from "../support/azure-cli-stub.ts";
import { certgateOnce } from "../support/cli.ts";
import { type EntraUnderTest, startEntraUnderTest } from "../support/entra.ts";

/** By name of a credential that does not work, its type and all that is printed of it. */
const faulty: Readonly<Record<string, readonly [type: string, sentence: RegExp]>> = {
  unassigned: [
    "managed-identity",
    /managed identity with client id 3{8}-.*: the host has no such identity; assign it/,
  ],
  misfederated: [
    "workload-identity",
    /no federated identity credential for the token's subject; correct its subject .*AADSTS700213/,
  ],
  elliptic: ["client-certificate", /certificate of .* has no RSA key; Entra's SDK signs with RSA only/],
  unregistered: ["client-certificate", /does not know this certificate, or its key; upload .*AADSTS700027/],
  ended: ["client-secret", /the client secret has expired; make a new one .*AADSTS7000222/],
  nobody: ["client-secret", /no app with this client id; correct clientId or tenantId \(AADSTS700016\)/],
  "logged-out": [
    "azure-cli",
    /nobody is logged in as this process's user; type: az login --tenant contoso$/m,
  ],
  chain: ["default", /none of the ways of DefaultAzureCredential works here; name the one that you mean/],
  unset: ["api-key", /environment variable NO_SUCH_KEY is not set; set it/],
  profile: ["aws", /the shared files have no such profile/],
  empty: ["aws-bearer", /file .*empty-key is empty/],
};

let world: EntraUnderTest;
let host: LocalManagedIdentity;
let az: AzureCliStub;
let folder: string;
const inFolder = (name: string) => join(folder, name);

beforeAll(async () => {
  world = await startEntraUnderTest();
  host = await startManagedIdentity({ tokens: world.tokens, userAssigned: [] });
  az = await installAzureCliStub();
  await az.answer({ stderr: "ERROR: Please run 'az login' to setup account.", code: 1 });
  folder = await mkdtemp(join(tmpdir(), "certgate-credential-faults-"));
  const elliptic = await world.pki.intermediate.issue({ subject: "CN=ec", keyAlgorithm: "ec-p256" });
  const unregistered = await world.pki.intermediate.issue({ subject: "CN=other", keyAlgorithm: "rsa-2048" });
  const files = {
    "ca.pem": world.pki.root.pem,
    "server.pem": world.pki.server.chainPem,
    "server.key": world.pki.server.keyPem,
    "ec.pem": elliptic.chainPem,
    "ec.key": elliptic.keyPem,
    "other.pem": unregistered.chainPem,
    "other.key": unregistered.keyPem,
    "last-year": "secret-of-last-year",
    secret: world.secret,
    token: world.federatedToken({ sub: "system:serviceaccount:other:gateway" }),
    "empty-key": "\n",
    profiles: "[other]\nregion = eu-central-1\n",
  };
  for (const [name, text] of Object.entries(files)) await writeFile(inFolder(name), text, { mode: 0o600 });
  const app = {
    tenantId: world.tenantId,
    clientId: world.app.clientId,
    cloud: { authorityHost: world.entra.url, caFile: "ca.pem" },
  };
  const options: Record<string, object> = {
    unassigned: { clientId: "33333333-3333-4333-8333-333333333333" },
    misfederated: { ...app, tokenFile: "token" },
    elliptic: { ...app, certificate: { file: "ec.pem", keyFile: "ec.key" } },
    unregistered: { ...app, certificate: { file: "other.pem", keyFile: "other.key" } },
    ended: { ...app, secret: { file: "last-year" } },
    nobody: { ...app, clientId: "99999999-0000-4000-8000-000000000009", secret: { file: "secret" } },
    "logged-out": { tenantId: "contoso" },
    chain: { managedIdentityClientId: "44444444-4444-4444-8444-444444444444" },
    unset: { primary: { env: "NO_SUCH_KEY" } },
    profile: { profile: "gateway", credentialsFile: "profiles", configFile: "profiles" },
    empty: { key: { file: "empty-key" } },
  };
  const credentials = Object.fromEntries(
    Object.entries(faulty).map(([name, [type]]) => [name, { type, ...options[name] }]),
  );
  const config = {
    listen: { certificate: { file: "server.pem", keyFile: "server.key" } },
    trust: { anchors: [{ file: "ca.pem" }], revocation: { mode: "off" } },
    credentials: { ...credentials, open: { type: "none" } },
    backends: { main: { endpoint: "https://x.openai.azure.com", credential: "open" } },
    deployments: { gpt: { backend: "main" } },
    clients: { one: { thumbprints: ["a".repeat(64)], deployments: ["gpt"] } },
  };
  await writeFile(inFolder("certgate.yaml"), JSON.stringify(config));
});
afterAll(async () => {
  await Promise.all([world.entra.stop(), host.stop(), az.remove()]);
  await rm(folder, { recursive: true, force: true });
});

const test = (...words: string[]) =>
  certgateOnce(["credential", "test", "--config", inFolder("certgate.yaml"), ...words], {
    env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: host.url, AWS_EC2_METADATA_DISABLED: "true" },
  });

describe("certgate credential test", () => {
  it("says of each one that does not work why not and what to do, tests the others, and fails", async () => {
    const { code, stdout, stderr } = await test();
    expect(stderr).toBe("");
    const blocks = new Map(
      stdout.split(/^(?=[x+] )/m).map((block) => [/^[x+] ([\w-]+)/.exec(block)?.[1] ?? "", block.trimEnd()]),
    );
    expect([...blocks.keys()].toSorted()).toEqual([...Object.keys(faulty), "open"].toSorted());
    for (const [name, [type, sentence]] of Object.entries(faulty)) {
      expect(blocks.get(name)).toMatch(new RegExp(`^x ${name} \\(${type}\\)\\n    \\S`));
      expect(blocks.get(name)).toMatch(sentence);
    }
    expect(blocks.get("open")).toMatch(/^\+ open \(none\)\n {4}note +nothing is sent$/);
    expect(stdout).not.toMatch(/secret-of-last-year|kX~8secret|PRIVATE KEY|eyJ/);
    expect(code).toBe(1);
  }, 60_000);

  it("fails for one that does not work and not for one that does, whatever the others are", async () => {
    const bad = await test("unset", "--format", "json");
    expect(JSON.parse(bad.stdout)).toEqual({
      name: "unset",
      type: "api-key",
      ok: false,
      facts: {},
      problem: expect.stringContaining("NO_SUCH_KEY is not set"),
    });
    expect(bad.code).toBe(1);
    const good = await test("open");
    expect([good.code, good.stderr]).toEqual([0, ""]);
  });

  it("tells wrong usage from what does not work", async () => {
    const { code, stdout, stderr } = await test("unsett");
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/has no credential "unsett"\. Did you mean "unset"\?/);
    await writeFile(inFolder("broken.yaml"), "credentials: 7");
    const broken = await certgateOnce(["credential", "test", "--config", inFolder("broken.yaml")]);
    expect([broken.code, broken.stdout]).toEqual([1, ""]);
    expect(broken.stderr).toMatch(/credentials/);
    const missing = await certgateOnce(["credential", "test", "--config", inFolder("missing.yaml")]);
    expect(missing.code).toBe(1);
  });
});
