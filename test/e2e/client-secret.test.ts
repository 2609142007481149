import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalAzure, startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import { type EntraUnderTest, startEntraUnderTest } from "../support/entra.ts";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let azure: LocalAzure;
let entra: EntraUnderTest;
let world: World;
const question = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", messages: [{ role: "user", content: "hi" }] },
};

beforeAll(async () => {
  const pki = await createTestPki();
  azure = await startLocalAzure({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    deployments: { "gpt-test": "gpt-4o" },
  });
  entra = await startEntraUnderTest({ pki, tokens: azure.tokens });
  world = await startWorld({
    pki,
    azure,
    files: { secret: entra.secret },
    configure(config) {
      config["credentials"] = {
        gateway: {
          type: "client-secret",
          tenantId: entra.tenantId,
          clientId: entra.app.clientId,
          secret: { file: "secret" },
          cloud: { authorityHost: entra.entra.url, caFile: "root.pem" },
        },
      };
    },
  });
});
afterAll(async () => {
  await world.stop();
  await Promise.all([azure.stop(), entra.entra.stop()]);
});

const logText = async (): Promise<string> => JSON.stringify(await world.log());

describe("a gateway with a client secret", () => {
  it("serves fifty first requests with one token", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.ask(question)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(entra.entra.requests.count).toBe(1);
  });

  it("shows the credential with its end in /readyz and the metrics", async () => {
    const ready = (await (await world.admin("/readyz")).json()) as { items?: unknown };
    expect(JSON.stringify(ready)).toMatch(/"credential gateway".*"expiresInSeconds":\d+/);
    const metrics = await (await world.admin("/metrics")).text();
    expect(metrics).toMatch(/certgate_source_expires_in_seconds\{source="credential gateway"\} \d+/);
    expect(metrics).toMatch(/certgate_source_state\{source="credential gateway",state="fresh"\} 1/);
  });

  it("gets another token when a backend refuses the one at hand before its end", async () => {
    // A token that came within the last second is not replaced: only time itself ends that.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    azure.tokens.revokeAll();
    const before = entra.entra.requests.count;
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.ask(question)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(entra.entra.requests.count - before).toBe(1);
    expect(await logText()).toContain("refused the credential before its end");
  });

  it("writes no secret into its log", async () => {
    expect(await logText()).not.toMatch(new RegExp(`eyJ|${entra.secret}`));
  });
});
