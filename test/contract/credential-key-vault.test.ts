import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { outboundCredential } from "../../src/compose/credentials.ts";
import { composeOrigins, readCa } from "../../src/compose/origins.ts";
import { configSchema } from "../../src/config/schema.ts";
import type { OutboundCredential } from "../../src/credential/outbound-credential.ts";
import { faults } from "../../src/dev/azure/faults.ts";
import { type LocalKeyVault, startKeyVault } from "../../src/dev/azure/key-vault/server.ts";
import { type LocalManagedIdentity, startManagedIdentity } from "../../src/dev/azure/managed-identity.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { describeFault } from "../../src/kernel/errors.ts";
import { createCrlReader } from "../../src/trust/crl-reader.ts";
import { type EntraUnderTest, startEntraUnderTest } from "../support/entra.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";

let world: EntraUnderTest;
let vault: LocalKeyVault;
let host: LocalManagedIdentity;
let folder: string;
const request = { origin: "https://x", method: "GET", path: "/", headers: [], body: "unseen" } as const;

beforeAll(async () => {
  world = await startEntraUnderTest();
  const tls = { cert: world.pki.server.chainPem, key: world.pki.server.keyPem };
  vault = await startKeyVault({ tls, tokens: world.tokens });
  host = await startManagedIdentity({ tokens: world.tokens });
  process.env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = host.url;
  folder = await mkdtemp(join(tmpdir(), "certgate-credential-vault-"));
  await writeFile(join(folder, "ca.pem"), world.pki.root.pem);
});
afterAll(async () => {
  await Promise.all([world.entra.stop(), vault.stop(), host.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** A credential as `serve` makes it, beside a vault that the host's identity opens. */
async function credentialOf(own: object): Promise<OutboundCredential> {
  const caFile = join(folder, "ca.pem");
  const config = configSchema.parse({
    listen: { certificate: { file: "unused.pem" } },
    trust: { anchors: [{ file: "unused.pem" }] },
    keyVaults: {
      main: { url: vault.url, credential: "host", caFile, verifyChallengeResource: false },
    },
    credentials: { host: { type: "managed-identity" }, own },
    backends: { main: { endpoint: "https://backend.example", credential: "own" } },
    deployments: {},
  });
  const origins = await composeOrigins(config, systemClock, createCrlReader({ clock: systemClock }));
  const options = config.credentials["own"];
  if (options === undefined) throw new Error("it was just written");
  const log = createRecordingLogger();
  return outboundCredential("own", options, { ...origins, readCa, clock: systemClock, log });
}

const app = () => ({
  tenantId: world.tenantId,
  clientId: world.app.clientId,
  cloud: { authorityHost: world.entra.url, caFile: join(folder, "ca.pem") },
});

describe("a secret in a Key Vault", () => {
  it("is an API key, and the other key takes over when a backend refuses it", async () => {
    vault.contents.setSecret("key-1", { value: "first-key\n" });
    vault.contents.setSecret("key-2", { value: "second-key" });
    const credential = await credentialOf({
      type: "api-key",
      primary: { keyVault: "main", secret: "key-1" },
      secondary: { keyVault: "main", secret: "key-2" },
    });
    credential.start();
    const first = await credential.headers(request);
    expect(first).toEqual(["api-key", "first-key"]);
    await expect.poll(() => vault.requests.all.some(({ url }) => url.includes("key-2"))).toBe(true);
    await expect
      .poll(async () => {
        credential.refused(first);
        return (await credential.headers(request))[1];
      })
      .toBe("second-key");
    credential.stop();
  });

  it("is a client secret", async () => {
    vault.contents.setSecret("app-secret", { value: world.secret });
    const credential = await credentialOf({
      type: "client-secret",
      ...app(),
      secret: { keyVault: "main", secret: "app-secret" },
    });
    const [, value] = await credential.headers(request);
    expect(world.tokens.check(value, ["https://cognitiveservices.azure.com"])).toBe("good");
    credential.stop();
  });

  it("that the identity may not read says which role is missing", async () => {
    vault.faults.always(faults.forbiddenByRbac(), (url) => url.includes("forbidden"));
    const credential = await credentialOf({
      type: "client-secret",
      ...app(),
      secret: { keyVault: "main", secret: "forbidden" },
    });
    const error: unknown = await credential.headers(request).catch((fault: unknown) => fault);
    expect(describeFault(error)).toMatch(/secret forbidden in https:.*Key Vault Secrets User/);
    vault.faults.clear();
    credential.stop();
  });
});

describe("a certificate in a Key Vault", () => {
  it("is a client certificate", async () => {
    const { chainPem, keyPem } = world.certificate;
    vault.contents.setSecret("app-certificate", { value: `${chainPem}${keyPem}` });
    const credential = await credentialOf({
      type: "client-certificate",
      ...app(),
      certificate: { keyVault: "main", certificate: "app-certificate" },
    });
    const [, value] = await credential.headers(request);
    expect(world.tokens.check(value, ["https://cognitiveservices.azure.com"])).toBe("good");
    expect(world.entra.requests.last?.proof).toBe("certificate");
    credential.stop();
  });
});
