import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";

import { CertificateClient } from "@azure/keyvault-certificates";
import { SecretClient } from "@azure/keyvault-secrets";
import { describe, expect, it } from "vitest";

import { faults } from "../../../../src/dev/azure/faults.ts";
import type { LocalAzure } from "../../../../src/dev/azure/local-azure.ts";
import { localAzure } from "../../../support/local-azure.ts";
import { testPki } from "../../../support/test-pki.ts";

/** A credential that asks the local identity endpoint, as plainly as possible. */
const credentialOf = ({ managedIdentity }: LocalAzure) => ({
  async getToken(scopes: string | string[]) {
    const resource = encodeURIComponent([scopes].flat()[0]?.replace(/\/\.default$/, "") ?? "");
    const url = `${managedIdentity.url}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${resource}`;
    const answer = await fetch(url, { headers: { metadata: "true" } });
    const { access_token, expires_on } = (await answer.json()) as Record<string, string>;
    return { token: access_token ?? "", expiresOnTimestamp: Number(expires_on) * 1000 };
  },
});

async function clients(azure: LocalAzure) {
  const { root } = await testPki();
  const options = {
    disableChallengeResourceVerification: true,
    tlsOptions: { ca: root.pem },
    retryOptions: { maxRetries: 0 },
  };
  const credential = credentialOf(azure);
  return {
    certificates: new CertificateClient(azure.keyVault.url, credential, options),
    secrets: new SecretClient(azure.keyVault.url, credential, options),
  };
}

describe("local Key Vault, through the official clients", () => {
  it("gives the token away only after its challenge", async () => {
    const azure = await localAzure({ vaultContents: { secrets: { one: { value: "1" } } } });
    const { secrets } = await clients(azure);
    expect((await secrets.getSecret("one")).value).toBe("1");
    expect(azure.keyVault.requests.all.map(({ authenticated }) => authenticated)).toEqual([false, true]);
    expect(azure.managedIdentity.requests.last?.resource).toBe("https://vault.azure.net");
  });

  it("serves a certificate's leaf, and key and chain from the secret of the same name", async () => {
    const { server } = await testPki();
    const azure = await localAzure({ vaultContents: { certificates: { gateway: server } } });
    const { certificates, secrets } = await clients(azure);
    const certificate = await certificates.getCertificate("gateway");
    const secret = await secrets.getSecret("gateway");
    expect(Buffer.from(certificate.cer ?? [])).toEqual(server.certificate);
    expect(certificate.properties.x509ThumbprintString).toBe(
      new X509Certificate(server.certificate).fingerprint.replaceAll(":", "").toLowerCase(),
    );
    expect(certificate.policy?.keyCurveName).toBe("P-256");
    expect(secret.properties.contentType).toBe("application/x-pkcs12");
    const pfx = Buffer.from(secret.value ?? "", "base64");
    expect(() => createSecureContext({ pfx, passphrase: "" })).not.toThrow();
  });

  it("serves the secret as PEM when the certificate was kept so", async () => {
    const { server } = await testPki();
    const kept = { ...server, contentType: "application/x-pem-file" } as const;
    const azure = await localAzure({ vaultContents: { certificates: { gateway: kept } } });
    const { secrets } = await clients(azure);
    const secret = await secrets.getSecret("gateway");
    expect(secret.properties.contentType).toBe("application/x-pem-file");
    expect(secret.value).toBe(server.keyPem + server.chainPem);
  });

  it("serves the newest version without a version, and the old one by its version", async () => {
    const { server, client } = await testPki();
    const azure = await localAzure();
    const { certificates } = await clients(azure);
    const before = azure.keyVault.contents.setCertificate("gateway", client);
    azure.keyVault.contents.setCertificate("gateway", server);
    const newest = await certificates.getCertificate("gateway");
    const old = await certificates.getCertificateVersion("gateway", before);
    expect(Buffer.from(newest.cer ?? [])).toEqual(server.certificate);
    expect(Buffer.from(old.cer ?? [])).toEqual(client.certificate);
    const versions: (string | undefined)[] = [];
    for await (const { version } of certificates.listPropertiesOfCertificateVersions("gateway"))
      versions.push(version);
    expect(versions).toEqual([before, newest.properties.version]);
  });

  it("serves an expired secret, as Azure does", async () => {
    const expiresOn = new Date("2020-01-01T00:00:00Z");
    const azure = await localAzure({ vaultContents: { secrets: { old: { value: "x", expiresOn } } } });
    const { secrets } = await clients(azure);
    const secret = await secrets.getSecret("old");
    expect(secret.value).toBe("x");
    expect(secret.properties.expiresOn).toEqual(expiresOn);
  });

  it("refuses a disabled secret", async () => {
    const azure = await localAzure({ vaultContents: { secrets: { one: { value: "1" } } } });
    azure.keyVault.contents.setEnabled("one", false);
    const { secrets } = await clients(azure);
    await expect(secrets.getSecret("one")).rejects.toMatchObject({ statusCode: 403, code: "Forbidden" });
  });

  it("answers 404 in Azure's words", async () => {
    const { certificates, secrets } = await clients(await localAzure());
    await expect(secrets.getSecret("none")).rejects.toMatchObject({
      statusCode: 404,
      code: "SecretNotFound",
    });
    await expect(certificates.getCertificate("none")).rejects.toMatchObject({
      statusCode: 404,
      code: "CertificateNotFound",
    });
  });

  it("refuses a token for another resource", async () => {
    const azure = await localAzure({ vaultContents: { secrets: { one: { value: "1" } } } });
    const { token } = azure.tokens.issue("https://cognitiveservices.azure.com", 60);
    const { root } = await testPki();
    const stubborn = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 60_000 }) };
    const secrets = new SecretClient(azure.keyVault.url, stubborn, {
      disableChallengeResourceVerification: true,
      tlsOptions: { ca: root.pem },
      retryOptions: { maxRetries: 0 },
    });
    await expect(secrets.getSecret("one")).rejects.toMatchObject({ statusCode: 401 });
  });

  it.each([
    ["throttling", faults.throttled(1), 429],
    ["missing roles", faults.forbiddenByRbac(), 403],
    ["server errors", faults.serverError(503), 503],
  ])("plays %s", async (_, fault, statusCode) => {
    const azure = await localAzure({ vaultContents: { secrets: { one: { value: "1" } } } });
    azure.keyVault.faults.always(fault);
    const { secrets } = await clients(azure);
    await expect(secrets.getSecret("one")).rejects.toMatchObject({ statusCode });
    azure.keyVault.faults.clear();
    expect((await secrets.getSecret("one")).value).toBe("1");
  });

  it("resets connections when told to", async () => {
    const azure = await localAzure({ vaultContents: { secrets: { one: { value: "1" } } } });
    azure.keyVault.faults.next({ kind: "reset" });
    const { secrets } = await clients(azure);
    await expect(secrets.getSecret("one")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect((await secrets.getSecret("one")).value).toBe("1");
  });
});
