import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { certgateOnce } from "../support/cli.ts";
import { type EntraUnderTest, startEntraUnderTest } from "../support/entra.ts";

let world: EntraUnderTest;
let folder: string;
const inFolder = (name: string) => join(folder, name);
const apiKey = "0123456789abcdef0123456789abcdef";

beforeAll(async () => {
  world = await startEntraUnderTest();
  folder = await mkdtemp(join(tmpdir(), "certgate-credential-"));
  await writeFile(inFolder("ca.pem"), world.pki.root.pem);
  await writeFile(inFolder("server.pem"), world.pki.server.chainPem);
  await writeFile(inFolder("server.key"), world.pki.server.keyPem);
  await writeFile(inFolder("app.pem"), world.certificate.chainPem);
  await writeFile(inFolder("app.key"), world.certificate.keyPem);
  await writeFile(inFolder("token"), world.federatedToken());
  await writeFile(inFolder("secret"), `${world.secret}\n`);
  await writeFile(inFolder("api-key"), apiKey);
  const app = {
    tenantId: world.tenantId,
    clientId: world.app.clientId,
    cloud: { authorityHost: world.entra.url, caFile: "ca.pem" },
  };
  const config = {
    listen: { certificate: { file: "server.pem", keyFile: "server.key" } },
    trust: { anchors: [{ file: "ca.pem" }], revocation: { mode: "off" } },
    credentials: {
      secret: { type: "client-secret", ...app, secret: { file: "secret" } },
      certificate: {
        type: "client-certificate",
        ...app,
        certificate: { file: "app.pem", keyFile: "app.key" },
      },
      workload: { type: "workload-identity", ...app, tokenFile: "token", audience: "https://ai.azure.com" },
      key: { type: "api-key", primary: { file: "api-key" }, secondary: { env: "SECOND_API_KEY" } },
      nothing: { type: "none" },
    },
    backends: { main: { endpoint: "https://x.openai.azure.com", credential: "secret" } },
    deployments: { gpt: { backend: "main" } },
    clients: { one: { thumbprints: ["a".repeat(64)], deployments: ["gpt"] } },
  };
  await writeFile(inFolder("certgate.yaml"), JSON.stringify(config));
});
afterEach(() => world.entra.faults.clear());
afterAll(async () => {
  await world.entra.stop();
  await rm(folder, { recursive: true, force: true });
});

const test = (...words: string[]) =>
  certgateOnce(["credential", "test", "--config", inFolder("certgate.yaml"), ...words], {
    env: { SECOND_API_KEY: `second-${apiKey}` },
  });

describe("certgate credential test", () => {
  it("tests all of them, and shows whose the tokens are without any secret", async () => {
    const { code, stdout, stderr } = await test();
    expect(stderr).toBe("");
    expect(stdout.match(/^\+ .*/gm)).toEqual([
      "+ secret (client-secret)",
      "+ certificate (client-certificate)",
      "+ workload (workload-identity)",
      "+ key (api-key)",
      "+ nothing (none)",
    ]);
    expect(stdout).toMatch(/audience +https:\/\/cognitiveservices\.azure\.com\n/);
    expect(stdout).toMatch(/audience +https:\/\/ai\.azure\.com\n/);
    expect(stdout).toMatch(new RegExp(`tenantId +${world.tenantId}`));
    expect(stdout).toMatch(new RegExp(`objectId +${world.app.objectId}`));
    expect(stdout).toMatch(/expiresAt +\d{4}-\d\d-\d\dT/);
    expect(stdout).toMatch(/primary +from file .*api-key, 16 to 63 characters/);
    expect(stdout).toMatch(/secondary +from environment variable SECOND_API_KEY, /);
    expect(stdout).not.toMatch(new RegExp(`eyJ|${apiKey}|${world.secret}`));
    expect(code).toBe(0);
    expect(new Set(world.entra.requests.all.map(({ proof }) => proof))).toEqual(
      new Set(["certificate", "federated", "secret"]),
    );
  });

  it("tests one, as JSON", async () => {
    const { code, stdout } = await test("secret", "--format", "json");
    expect(JSON.parse(stdout)).toMatchObject({
      name: "secret",
      type: "client-secret",
      ok: true,
      facts: { tenantId: world.tenantId, objectId: world.app.objectId, clientId: world.app.clientId },
    });
    expect(code).toBe(0);
  });

  it("says why not and what to do, and fails", async () => {
    await writeFile(inFolder("secret"), "secret-of-last-year");
    const { code, stdout } = await test("secret");
    await writeFile(inFolder("secret"), world.secret);
    expect(stdout).toMatch(
      /^x secret \(client-secret\)\n +app .*: the client secret has expired; make a new one/,
    );
    expect(stdout).not.toContain("secret-of-last-year");
    expect(code).toBe(1);
  });

  it("does not know a name, but perhaps the one that was meant", async () => {
    const { code, stderr } = await test("certifcate");
    expect(stderr).toMatch(/has no credential "certifcate"\. Did you mean "certificate"\?/);
    expect(code).toBe(2);
  });

  it.each([[["tets"]], [["test"]], [["test", "--config", "x", "--format", "xml"]]])(
    "does not take %j",
    async (words) => {
      expect((await certgateOnce(["credential", ...words])).code).toBe(2);
    },
  );
});
