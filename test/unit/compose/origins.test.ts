import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { composeOrigins, type Origins } from "../../../src/compose/origins.ts";
import { configSchema } from "../../../src/config/schema.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { readCrlsHere } from "../../../src/trust/crl-reader.ts";
import { localAzure } from "../../support/local-azure.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { testPki } from "../../support/test-pki.ts";

const signal = new AbortController().signal;

const origins = (over: object): Promise<Origins> =>
  composeOrigins(
    configSchema.parse({
      listen: { certificate: { file: "none" } },
      trust: { anchors: [{ file: "none" }] },
      credentials: { gateway: { type: "managed-identity" } },
      backends: {},
      deployments: {},
      ...over,
    }),
    systemClock,
    readCrlsHere,
  );

/** An http server on loopback with the intermediate's CRL. */
async function crlServer(): Promise<string> {
  const { intermediateCrl } = await testPki();
  const server = createServer((_request, response) => response.end(intermediateCrl.der)).listen(
    0,
    "127.0.0.1",
  );
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/intermediate.crl`;
}

const pointsAt = (over: object) => ({
  trust: { anchors: [{ file: "none" }], revocation: { distributionPoints: { enabled: true, ...over } } },
});

describe("the origins of a configuration", () => {
  it("are a vault behind its own CA, read with the credential that it names", async () => {
    const { root, intermediate } = await testPki();
    const azure = await localAzure();
    azure.keyVault.contents.setSecret("device-roots", { value: intermediate.pem });
    vi.stubEnv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.managedIdentity.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    const caFile = join(await tempDir(), "root.pem");
    await writeFile(caFile, root.pem);
    const { vault, tokens } = await origins({
      keyVaults: {
        main: { url: azure.keyVault.url, credential: "gateway", caFile, verifyChallengeResource: false },
      },
    });
    expect(await vault("main").secret("device-roots", signal)).toMatchObject({ value: intermediate.pem });
    expect(azure.managedIdentity.requests.all.map(({ resource }) => resource)).toEqual([
      expect.stringContaining("vault"),
    ]);
    expect(await tokens("gateway").getToken("https://cognitiveservices.azure.com/.default")).toMatchObject({
      token: expect.any(String),
    });
  });

  it("fail closed for a name that the configuration does not have", async () => {
    const { vault, tokens } = await origins({});
    expect(() => vault("main")).toThrow("there is no key vault called main");
    expect(() => tokens("other")).toThrow("there is no credential that gives tokens called other");
  });

  it("are not made at all while a CA file cannot be read", async () => {
    const main = { url: "https://vault.example", credential: "gateway", caFile: "nowhere.pem" };
    await expect(origins({ keyVaults: { main } })).rejects.toMatchObject({
      code: "internal_error",
      message: "CA file nowhere.pem cannot be read",
    });
  });

  it("let the operator name a CRL inside the network, and a certificate not", async () => {
    const { intermediateCrl } = await testPki();
    const url = await crlServer();
    const { crls, distributionPoint } = await origins(pointsAt({}));
    const [crl] = await crls(url).fetch(signal);
    expect(Buffer.from(crl ?? [])).toEqual(Buffer.from(intermediateCrl.der));
    await expect(distributionPoint(url).fetch(signal)).rejects.toMatchObject({
      code: "revocation_unavailable",
    });
  });

  it("follow a certificate inside the network where that is allowed, and bound what comes from there", async () => {
    const url = await crlServer();
    const allowed = await origins(pointsAt({ allowPrivateAddresses: true }));
    expect(await allowed.distributionPoint(url).fetch(signal)).toHaveLength(1);
    const bounded = await origins(pointsAt({ allowPrivateAddresses: true, maxBytes: 100 }));
    await expect(bounded.distributionPoint(url).fetch(signal)).rejects.toMatchObject({
      code: "revocation_unavailable",
    });
    // What the operator named is not bound by it.
    expect(await bounded.crls(url).fetch(signal)).toHaveLength(1);
  });
});
