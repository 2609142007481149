import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalAzure, startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import { type EntraUnderTest, startEntraUnderTest } from "../support/entra.ts";
import { openSocket, refusedSocket } from "../support/socket-client.ts";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let azure: LocalAzure;
let entra: EntraUnderTest;
let world: World;
const path = "/openai/v1/realtime?model=gpt-test";

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
      config["clients"]["device-1"].operations = ["realtime"];
    },
  });
});
afterAll(async () => {
  await world.stop();
  await Promise.all([azure.stop(), entra.entra.stop()]);
});

describe("a WebSocket whose backend refuses the token before its end", () => {
  it("is opened with another one, and those that are open go on; a second refusal is passed on", async () => {
    const before = await openSocket(world, { path });
    // A token that came within the last second is not replaced: only time itself ends that.
    await sleep(1100);
    azure.tokens.revokeAll();
    const asked = entra.entra.requests.count;
    const arriving = azure.openAi.sockets.next();
    const after = await openSocket(world, { path });
    expect(entra.entra.requests.count).toBe(asked + 1);
    expect((await arriving).header("authorization")).toMatch(/^Bearer ./);
    for (const client of [before, after]) {
      client.send({ type: "session.update", session: {} });
      await client.next("session.updated");
    }
    azure.tokens.revokeAll();
    const refused = await refusedSocket(world, { path });
    expect([refused.status, refused.headers["x-certgate-answered-by"]]).toEqual([401, "backend"]);
    expect(entra.entra.requests.count).toBe(asked + 1);
  });
});
