import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuthority, type IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let server: Server;
let inside: IssuedCertificate;
let requests = 0;

beforeAll(async () => {
  const pki = await createTestPki();
  server = createServer((_, response) => {
    requests += 1;
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const other = await createAuthority({ subject: "CN=Other CA", issuer: pki.root });
  inside = await other.issue({
    subject: "CN=inside",
    crlDistributionPoints: [`http://127.0.0.1:${port}/ca.crl`, `http://localhost:${port}/ca.crl`],
  });
  const late = await pki.intermediate.crl({ nextUpdate: new Date(Date.now() - 10_000) });
  world = await startWorld({
    pki: { ...pki, intermediateCrl: late },
    configure(config) {
      Object.assign(config["trust"].revocation, {
        mode: "soft",
        graceSeconds: 3600,
        distributionPoints: { enabled: true },
      });
      config["clients"]["inside"] = { thumbprints: [inside.thumbprint], deployments: ["gpt-test"] };
    },
  });
});
afterAll(async () => {
  await world.stop();
  server.close();
});

const models = { path: "/openai/v1/models" };

describe("soft mode", () => {
  it("lets a client in on a CRL that is late, and says so in the log and in the metrics", async () => {
    expect((await world.ask(models)).status).toBe(200);
    const told = (await world.log()).filter(({ msg }) => /out of date \(soft mode\)/.test(String(msg)));
    expect(told).toMatchObject([{ level: "warn", certificate: "CN=device-1" }]);
    const metrics = await (await world.admin("/metrics")).text();
    expect(metrics).toMatch(/^certgate_stale_revocation_total 1$/m);
  });

  it("lets nobody in without any CRL", async () => {
    const { headers } = await world.ask(models, inside);
    expect(headers["x-certgate-reason"]).toBe("revocation_unavailable");
  });
});

describe("a distribution point inside", () => {
  it("is not asked unless that is allowed", async () => {
    await world.ask(models, inside);
    expect(requests).toBe(0);
    const told = (await world.log()).filter(({ reason }) => /inside network/.test(String(reason)));
    expect(told.length).toBeGreaterThan(0);
  });
});
