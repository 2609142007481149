import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { createAuthority } from "../../src/dev/pki/authority.ts";
import { ocspAccess } from "../support/ocsp-responses.ts";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let visits = 0;
const clients: IssuedCertificate[] = [];

const service = createServer((_request, response) => {
  visits += 1;
  response.end("a service that only this machine should reach");
});

beforeAll(async () => {
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  const { port } = service.address() as AddressInfo;
  const pki = await createTestPki();
  const plant = await createAuthority({ subject: "CN=Plant CA", issuer: pki.root });
  for (const host of ["127.0.0.1", "localhost"])
    clients.push(
      await plant.issue({
        subject: `CN=${host}`,
        extraExtensions: [ocspAccess(`http://${host}:${port}/latest/meta-data`)],
      }),
    );
  world = await startWorld({
    pki,
    configure(config) {
      config["trust"].revocation.ocsp = { mode: "before-crl" };
      config["clients"].robot = {
        thumbprints: clients.map(({ thumbprint }) => thumbprint),
        deployments: ["gpt-test"],
      };
    },
  });
});
afterAll(async () => {
  await world.stop();
  service.closeAllConnections();
  service.close();
});

it("a certificate cannot make the gateway knock at a service of the inside", async () => {
  for (const client of clients) {
    const { status, headers } = await world.ask({ path: "/openai/v1/models" }, client);
    expect([status, headers["x-certgate-reason"]]).toEqual([503, "revocation_unavailable"]);
  }
  expect(visits).toBe(0);
  const reasons = (await world.log()).filter(({ msg }) => msg === "OCSP gives no usable answer");
  expect(JSON.stringify(reasons)).toContain("inside network");
});
