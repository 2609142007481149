import { ManagedIdentityCredential } from "@azure/identity";
import { describe, expect, it, vi } from "vitest";

import { localAzure } from "../../../support/local-azure.ts";

const scope = "https://cognitiveservices.azure.com/.default";
const path = "/metadata/identity/oauth2/token";

describe("local managed identity endpoint", () => {
  // The SDK keeps its source for the life of the process: the only test here that may use it.
  it("gives the official credential a token that the book knows, and lets it be cached", async () => {
    const clientId = "11111111-1111-4111-8111-111111111111";
    const azure = await localAzure({
      userAssigned: [{ clientId, objectId: "object", resourceId: "/subscriptions/x" }],
      tokenLifetimeSeconds: 3600,
    });
    vi.stubEnv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.managedIdentity.url);
    const credential = new ManagedIdentityCredential({ clientId });
    const before = Date.now();
    const first = await credential.getToken(scope);
    const second = await credential.getToken(scope);
    expect(azure.tokens.check(`Bearer ${first.token}`, ["https://cognitiveservices.azure.com"])).toBe("good");
    expect(second.token).toBe(first.token);
    expect(azure.managedIdentity.requests.count).toBe(1);
    expect(azure.managedIdentity.requests.last).toMatchObject({ identity: clientId, metadataHeader: true });
    expect(first.expiresOnTimestamp - before).toBeGreaterThan(3_590_000);
    expect(first.expiresOnTimestamp - before).toBeLessThan(3_610_000);
  });

  it.each([
    ["no Metadata header", `${path}?api-version=2018-02-01&resource=r`, {}],
    ["no api-version", `${path}?resource=r`, { metadata: "true" }],
    ["no resource", `${path}?api-version=2018-02-01`, { metadata: "true" }],
    [
      "an identity that it does not have",
      `${path}?api-version=2018-02-01&resource=r&client_id=x`,
      { metadata: "true" },
    ],
  ])("refuses %s", async (_, target, headers) => {
    const { managedIdentity } = await localAzure();
    const answer = await fetch(managedIdentity.url + target, { headers });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: "invalid_request" });
  });

  it("echoes the resource exactly as it was asked for", async () => {
    const { managedIdentity } = await localAzure();
    const answer = await fetch(
      `${managedIdentity.url}${path}/?api-version=2018-02-01&resource=${encodeURIComponent("https://ai.azure.com/")}`,
      { headers: { metadata: "true" } },
    );
    expect(await answer.json()).toMatchObject({ resource: "https://ai.azure.com/", token_type: "Bearer" });
  });

  it("plays what is set, once or until cleared", async () => {
    const { managedIdentity } = await localAzure();
    const ask = async () => {
      const target = `${managedIdentity.url}${path}?api-version=2018-02-01&resource=r`;
      return (await fetch(target, { headers: { metadata: "true" } })).status;
    };
    managedIdentity.faults.next({ kind: "answer", status: 410 });
    managedIdentity.faults.next({ kind: "answer", status: 404, body: "garbage{" }, 2);
    expect([await ask(), await ask(), await ask(), await ask()]).toEqual([410, 404, 404, 200]);
  });
});
