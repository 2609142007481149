import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { openSocket, refusedSocket } from "../support/socket-client.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let pki: TestPki;
let stolen: IssuedCertificate;
let stopAzure: () => Promise<void>;
const pingMs = 300;
beforeAll(async () => {
  pki = await createTestPki();
  stolen = await pki.intermediate.issue({ subject: "CN=stolen" });
  const azure = await startLocalAzure({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    deployments: { "gpt-test": "gpt-4o" },
    tokenLifetimeSeconds: 4,
  });
  stopAzure = () => azure.stop();
  world = await startWorld({
    pki,
    azure,
    configure(config) {
      const grant = { deployments: ["gpt-test"], operations: ["inference", "realtime"] };
      config["deployments"] = { "gpt-test": { backend: "main" } };
      config["clients"]["device-1"].operations = grant.operations;
      config["clients"]["stolen"] = { thumbprints: [stolen.thumbprint], ...grant };
      config["trust"].revocation.refreshSeconds = 1;
      config["timeouts"] = { webSocketPingSeconds: pingMs / 1000 };
    },
  });
});
afterAll(async () => {
  await world.stop();
  await stopAzure();
});

const realtime = "/openai/v1/realtime?model=gpt-test";
async function opened(wish: Partial<Parameters<typeof openSocket>[1]> = {}) {
  const arriving = world.azure.openAi.sockets.next();
  const client = await openSocket(world, { path: realtime, ...wish });
  const backend = await arriving;
  await client.next("session.created");
  return { client, backend };
}

describe("a WebSocket that stays open", () => {
  it("is pinged on both sides, and goes on as long as they answer", async () => {
    const { client, backend } = await opened();
    let pings = 0;
    client.webSocket.on("ping", () => (pings += 1));
    for (let n = 0; n < 4; n += 1) await once(backend.webSocket, "ping");
    expect(pings).toBeGreaterThanOrEqual(2);
    client.send({ type: "session.update", session: {} });
    await client.next("session.updated");
  });

  it("is cut when the client answers no pings, and the backend hears of it", async () => {
    const { client, backend } = await opened({ options: { autoPong: false } });
    expect((await client.closed).code).toBe(1006);
    expect((await backend.closed).code).toBe(1001);
  });

  it("is closed with 1011 when the backend answers no pings", async () => {
    const { client, backend } = await opened();
    backend.webSocket.pause();
    expect(await client.closed).toEqual({ code: 1011, reason: "backend_timeout" });
    const line = (await world.log()).findLast(({ msg }) => msg === "request");
    expect(line).toMatchObject({ reason: "backend_timeout", status: 101 });
  });

  it("does not end with its token: only a new one needs a new token", async () => {
    const { client, backend } = await opened();
    let next = await opened();
    while (next.backend.header("authorization") === backend.header("authorization")) {
      await once(client.webSocket, "ping");
      next.client.webSocket.terminate();
      next = await opened();
    }
    expect(next.backend.header("authorization")).toMatch(/^Bearer local\./);
    client.send({ type: "session.update", session: {} });
    await client.next("session.updated");
  }, 20_000);
});

describe("a client that is revoked", () => {
  it("has its WebSocket closed with 1008 within a second, and the backend hears nothing more", async () => {
    const { client, backend } = await opened({ client: stolen });
    const neighbour = await opened();
    const { pem } = await pki.intermediate.crl({ number: 2, revoked: [{ serial: stolen.serial }] });
    await writeFile(join(world.directory, "intermediate.crl"), pem);
    expect(await client.closed).toEqual({ code: 1008, reason: "client_certificate_revoked" });
    const at = Date.now();
    await backend.closed;
    const change = (await world.log()).findLast(({ msg }) => String(msg).startsWith("trust changed"));
    expect(at - new Date(change?.["time"] as string | number).getTime()).toBeLessThan(1000);
    expect(backend.messages.all).toEqual([]);
    const line = (await world.log()).findLast(({ client: name }) => name === "stolen");
    expect(line).toMatchObject({ decision: "denied", reason: "client_certificate_revoked", status: 101 });
    expect((await refusedSocket(world, { path: realtime, client: stolen })).status).toBe(401);
    neighbour.client.send({ type: "session.update", session: {} });
    await neighbour.client.next("session.updated");
  });
});

describe("a gateway that stops", () => {
  it("closes what is still open with 1001 at its deadline, and nothing outlives it", async () => {
    const there = await startWorld({
      pki,
      azure: world.azure,
      configure(config) {
        config["clients"]["device-1"].operations = ["realtime"];
      },
    });
    const arriving = world.azure.openAi.sockets.next();
    const client = await openSocket(there, { path: realtime });
    const silent = await openSocket(there, { path: realtime });
    silent.webSocket.pause();
    const backend = await arriving;
    await there.stop();
    expect(await client.closed).toEqual({ code: 1001, reason: "shutting_down" });
    await backend.closed;
  });
});
