import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { createClientCertificateCredential } from "../../src/credential/adapters/client-certificate.ts";
import { createClientSecretCredential } from "../../src/credential/adapters/client-secret.ts";
import { createDefaultCredential } from "../../src/credential/adapters/default.ts";
import { createManagedIdentityCredential } from "../../src/credential/adapters/managed-identity.ts";
import { createWorkloadIdentityCredential } from "../../src/credential/adapters/workload-identity.ts";
import { tokenRequestsOnly } from "../../src/dev/azure/entra/server.ts";
import { type LocalManagedIdentity, startManagedIdentity } from "../../src/dev/azure/managed-identity.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { TokenSource } from "../../src/model/token-source.ts";
import { type EntraUnderTest, startEntraUnderTest } from "../support/entra.ts";
import { describeTokenCredential, type TokenCredentialSubject } from "../support/token-credential-suite.ts";

let world: EntraUnderTest;
let host: LocalManagedIdentity;
let folder: string;
let tokenFile: string;
let resources = 0;

beforeAll(async () => {
  world = await startEntraUnderTest();
  host = await startManagedIdentity({ tokens: world.tokens });
  process.env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = host.url;
  folder = await mkdtemp(join(tmpdir(), "certgate-tokens-"));
  tokenFile = join(folder, "token");
  await writeFile(tokenFile, world.federatedToken());
});
afterAll(async () => {
  await Promise.all([world.entra.stop(), host.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** The SDK's token cache of managed identities is one for the process: each test asks for another resource. */
const freshResource = () => `https://resource-${(resources += 1)}.example`;

const onEntra = (name: string, make: () => TokenSource): TokenCredentialSubject => ({
  name,
  make: async () => ({ source: make(), resource: freshResource() }),
  tokens: () => world.tokens,
  requests: () => world.entra.requests.count,
  setLifetime: (seconds) => world.entra.setTokenLifetime(seconds),
  fail: () => world.entra.faults.always({ kind: "reset" }),
  delay: (ms) => world.entra.faults.next({ kind: "delay", ms }, 1, tokenRequestsOnly),
  clear: () => world.entra.faults.clear(),
  renews: true,
  secrets: () => [world.secret, world.certificate.keyPem.split("\n")[1] ?? ""],
});

describeTokenCredential(
  onEntra("a client secret", () =>
    createClientSecretCredential({
      tenantId: world.tenantId,
      clientId: world.app.clientId,
      secret: { name: "test", read: async () => world.secret },
      authority: world.authority,
    }),
  ),
);

describeTokenCredential(
  onEntra("a client certificate", () =>
    createClientCertificateCredential({
      tenantId: world.tenantId,
      clientId: world.app.clientId,
      certificate: {
        name: "test",
        fetch: async () => ({
          certificateChainPem: world.certificate.pem,
          privateKeyPem: world.certificate.keyPem,
          notAfter: Date.now() + 86_400_000,
        }),
      },
      sendCertificateChain: false,
      authority: world.authority,
      clock: systemClock,
    }),
  ),
);

describeTokenCredential(
  onEntra("a workload identity", () =>
    createWorkloadIdentityCredential({
      tenantId: world.tenantId,
      clientId: world.app.clientId,
      tokenFile,
      authority: world.authority,
    }),
  ),
);

describeTokenCredential(
  onEntra("the default chain with a secret in the environment", () => {
    // Read by the SDK when its first token is asked for; the suites before are over, those after use none of them.
    process.env["AZURE_TENANT_ID"] = world.tenantId;
    process.env["AZURE_CLIENT_ID"] = world.app.clientId;
    process.env["AZURE_CLIENT_SECRET"] = world.secret;
    process.env["AZURE_TOKEN_CREDENTIALS"] = "EnvironmentCredential";
    return createDefaultCredential({ authority: world.authority });
  }),
);

describeTokenCredential({
  name: "a managed identity",
  make: async () => ({ source: createManagedIdentityCredential(), resource: freshResource() }),
  tokens: () => world.tokens,
  requests: () => host.requests.count,
  setLifetime: (seconds) => host.setTokenLifetime(seconds),
  fail: () => host.faults.always({ kind: "reset" }),
  delay: (ms) => host.faults.next({ kind: "delay", ms }),
  clear: () => host.faults.clear(),
  renews: false,
  secrets: () => [],
});
