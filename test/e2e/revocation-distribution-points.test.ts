import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { begin } from "../support/ask.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let server: Server;
let pki: TestPki;
/** CAs below the root whose CRLs no configuration names. */
let plant: Authority;
let broken: Authority;
let stranger: Authority;
const clients: Record<string, IssuedCertificate> = {};
/** What the CRL server was asked for, and what it has. */
const requests: string[] = [];
const files = new Map<string, Uint8Array>();

beforeAll(async () => {
  pki = await createTestPki();
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    const file = files.get(request.url ?? "");
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const at = (path: string) => [`http://localhost:${(server.address() as AddressInfo).port}${path}`];
  plant = await createAuthority({ subject: "CN=Plant CA", issuer: pki.root });
  broken = await createAuthority({ subject: "CN=Broken CA", issuer: pki.root });
  stranger = await createAuthority({ subject: "CN=Stranger" });
  const leaves: [string, Authority, string][] = [
    ["good", plant, "/plant.crl"],
    ["stolen", plant, "/plant.crl"],
    ["unlucky", broken, "/broken.crl"],
    ["foreign", stranger, "/foreign.crl"],
  ];
  for (const [name, issuer, path] of leaves)
    clients[name] = await issuer.issue({ subject: `CN=${name}`, crlDistributionPoints: at(path) });
  clients["expired"] = await plant.issue({
    subject: "CN=expired",
    notBefore: new Date(Date.now() - 3 * 86_400_000),
    notAfter: new Date(Date.now() - 86_400_000),
    crlDistributionPoints: at("/expired.crl"),
  });
  files.set("/plant.crl", (await plant.crl()).der);
  world = await startWorld({
    pki,
    configure(config) {
      config["trust"].revocation = {
        crls: [{ file: "root.crl" }],
        refreshSeconds: 1,
        distributionPoints: { enabled: true, allowPrivateAddresses: true },
      };
      for (const [name, { thumbprint }] of Object.entries(clients))
        config["clients"][name] = { thumbprints: [thumbprint], deployments: ["gpt-test"] };
    },
  });
});
afterAll(async () => {
  await world.stop();
  server.closeAllConnections();
  server.close();
});

const models = { path: "/openai/v1/models" };
const askAs = async (name: string) => {
  const { status, headers } = await world.ask(models, clients[name] ?? "none");
  return [status, headers["x-certgate-reason"]];
};
const downloads = (path: string) => requests.filter((url) => url === path).length;

describe("a certificate's distribution point", () => {
  it("is fetched once for all requests that lack its CRL, and they are served", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => askAs("good")));
    expect(answers).toEqual(Array.from({ length: 8 }, () => [200, undefined]));
    expect(downloads("/plant.crl")).toBe(1);
  });

  it("that does not answer is not asked again at once, and its client gets the reason", async () => {
    expect(await askAs("unlucky")).toEqual([503, "revocation_unavailable"]);
    expect(await askAs("unlucky")).toEqual([503, "revocation_unavailable"]);
    expect(downloads("/broken.crl")).toBe(1);
  });

  it("of a certificate that is not accepted otherwise is not asked at all", async () => {
    expect(await askAs("foreign")).toEqual([401, "client_certificate_untrusted"]);
    expect(await askAs("expired")).toEqual([401, "client_certificate_expired"]);
    expect(downloads("/foreign.crl") + downloads("/expired.crl")).toBe(0);
  });

  it("is looked at again, and a stream of a client that it revokes is cut", async () => {
    world.azure.openAi.setPace({ bytes: 1_000_000_000, chunkBytes: 100, intervalMs: 20 });
    const asker = { port: world.certgate.port, ca: pki.root.pem, client: clients["stolen"]! };
    const answer = await begin(asker, {
      path: "/openai/v1/chat/completions",
      body: { model: "gpt-test", stream: true, messages: [{ role: "user", content: "go on" }] },
    });
    expect(answer.statusCode).toBe(200);
    answer.on("error", () => {});
    const closed = new Promise((resolve) => answer.once("close", resolve));
    answer.resume();
    const revoked = [{ serial: clients["stolen"]!.serial }];
    files.set("/plant.crl", (await plant.crl({ number: 2, thisUpdate: new Date(), revoked })).der);
    await closed;
    expect(await askAs("stolen")).toEqual([401, "client_certificate_revoked"]);
    expect(await askAs("good")).toEqual([200, undefined]);
  });

  it("does not stand in the metrics: its URL is a caller's word", async () => {
    expect(await (await world.admin("/metrics")).text()).not.toContain("plant.crl");
  });
});
