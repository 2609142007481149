import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createManagedIdentityCredential } from "../../src/credential/adapters/managed-identity.ts";
import { AccessTokens } from "../../src/dev/azure/access-tokens.ts";
import {
  type LocalAppServiceIdentity,
  startAppServiceIdentity,
} from "../../src/dev/azure/app-service-identity.ts";
import { systemClock } from "../../src/kernel/clock.ts";

// A file of its own: the SDK chooses the host's kind once a process.
const tokens = new AccessTokens(systemClock);
let host: LocalAppServiceIdentity;

beforeAll(async () => {
  host = await startAppServiceIdentity(tokens);
  Object.assign(process.env, host.environment);
});
afterAll(() => host.stop());

describe("the managed identity of an App Service or a Container App", () => {
  it("is asked with the header out of the environment, and for its token's real end", async () => {
    const token = await createManagedIdentityCredential().getToken("https://one.example/.default");
    expect(tokens.check(`Bearer ${token?.token}`, ["https://one.example"])).toBe("good");
    expect(token?.expiresOnTimestamp).toBeGreaterThan(Date.now() + 80_000_000);
    expect(host.requests.all).toEqual([{ resource: "https://one.example", clientId: null }]);
  });

  it("is named by its client id", async () => {
    await createManagedIdentityCredential({ clientId: "user-1" }).getToken("https://two.example/.default");
    expect(host.requests.last).toEqual({ resource: "https://two.example", clientId: "user-1" });
  });

  it.each([
    [500, /fails with status 500/],
    [403, /forbids the request/],
    [429, /throttles/],
  ])("status %i says what to do, at once", async (status, sentence) => {
    host.faults.next({ kind: "answer", status, body: { statusCode: status, message: "no" } });
    const started = Date.now();
    const asked = createManagedIdentityCredential().getToken(`https://status-${status}.example/.default`);
    await expect(asked).rejects.toThrow(sentence);
    expect(Date.now() - started).toBeLessThan(1500);
  });
});
