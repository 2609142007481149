import { describe, expect, it } from "vitest";

import { startLocalAzure } from "../../../../src/dev/azure/local-azure.ts";
import { localAzure } from "../../../support/local-azure.ts";
import { testPki } from "../../../support/test-pki.ts";

describe("startLocalAzure", () => {
  it.each([
    ["keyVault", "local Key Vault"],
    ["managedIdentity", "local managed identity endpoint"],
    ["openAi", "local Azure OpenAI"],
  ] as const)("names a busy port of %s, and leaves nothing running", async (service, name) => {
    const first = await localAzure();
    const busy = Number(new URL(first.openAi.url).port);
    const { server } = await testPki();
    const starting = startLocalAzure({
      tls: { cert: server.chainPem, key: server.keyPem },
      deployments: {},
      ports: { [service]: busy },
    });
    await expect(starting).rejects.toThrow(`the ${name}'s port 127.0.0.1:${busy} is in use already`);
  });

  it("stops with requests hanging, more than once, and frees its ports", async () => {
    const first = await localAzure();
    first.managedIdentity.faults.always({ kind: "hang" });
    const arrived = first.managedIdentity.requests.next();
    const hanging = fetch(first.managedIdentity.url);
    hanging.catch(() => {});
    await arrived;
    await first.stop();
    await first.stop();
    await expect(hanging).rejects.toThrow("fetch failed");
    const second = await localAzure({
      ports: {
        keyVault: Number(new URL(first.keyVault.url).port),
        managedIdentity: Number(new URL(first.managedIdentity.url).port),
        openAi: Number(new URL(first.openAi.url).port),
      },
    });
    expect(second.keyVault.url).toBe(first.keyVault.url);
  });

  it("makes tokens worthless at their end and when they are revoked", async () => {
    let now = Date.now();
    const clock = { now: () => now, monotonic: () => now, after: () => () => {} };
    const { tokens } = await localAzure({ clock });
    const { token } = tokens.issue("https://ai.azure.com/", 60);
    const check = () => tokens.check(`Bearer ${token}`, ["https://ai.azure.com"]);
    expect(check()).toBe("good");
    now += 60_000;
    expect(check()).toBe("expired");
    now -= 1;
    tokens.revokeAll();
    expect(check()).toBe("unknown");
  });
});
