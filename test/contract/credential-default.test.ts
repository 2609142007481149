import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDefaultCredential } from "../../src/credential/adapters/default.ts";
import { AccessTokens } from "../../src/dev/azure/access-tokens.ts";
import { type LocalManagedIdentity, startManagedIdentity } from "../../src/dev/azure/managed-identity.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { describeFault } from "../../src/kernel/errors.ts";

const identity = { clientId: "11111111-1111-4111-8111-111111111111", objectId: "o", resourceId: "r" };
const tokens = new AccessTokens(systemClock);
let host: LocalManagedIdentity;
const pathBefore = process.env["PATH"];

beforeAll(async () => {
  host = await startManagedIdentity({ tokens, userAssigned: [identity] });
  process.env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = host.url;
  // No developer's tools: whether this machine has any is not the test's.
  process.env["PATH"] = "";
});
afterAll(async () => {
  process.env["PATH"] = pathBefore;
  await host.stop();
});

describe("the default chain", () => {
  it("finds the managed identity that the configuration names", async () => {
    const source = createDefaultCredential({ managedIdentityClientId: identity.clientId, authority: {} });
    const token = await source.getToken("https://one.example/.default");
    expect(tokens.check(`Bearer ${token?.token}`, ["https://one.example"])).toBe("good");
    expect(host.requests.last?.identity).toBe(identity.clientId);
  });

  it("says, where nothing works, to name the way that is meant, with what each way said", async () => {
    await host.stop();
    const error: unknown = await createDefaultCredential({ authority: {} })
      .getToken("https://two.example/.default")
      .catch((fault: unknown) => fault);
    expect(describeFault(error)).toMatch(
      /^default credential: none of the ways .* by its own type.*EnvironmentCredential.*ManagedIdentityCredential.*Azure CLI/s,
    );
  }, 20_000);
});
