import { connect } from "node:tls";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let pki: TestPki;
let renewed: TestPki;

beforeAll(async () => {
  pki = await createTestPki();
  renewed = await createTestPki("Renewed");
  world = await startWorld({
    pki,
    configure(config, azure) {
      const { server, root } = pki;
      azure.keyVault.contents.setSecret("device-roots", { value: root.pem });
      azure.keyVault.contents.setCertificate("gateway-tls", {
        chainPem: server.chainPem,
        keyPem: server.keyPem,
      });
      config["keyVaults"] = {
        main: {
          url: azure.keyVault.url,
          credential: "gateway",
          caFile: "root.pem",
          verifyChallengeResource: false,
        },
      };
      config["listen"].certificate = { keyVault: "main", certificate: "gateway-tls" };
      config["trust"].anchors = [{ keyVault: "main", secret: "device-roots" }];
      config["trust"].refreshSeconds = 1;
      config["trust"].revocation = { mode: "off" };
      config["clients"]["device-2"] = {
        thumbprints: [renewed.client.thumbprint],
        deployments: ["gpt-test"],
      };
    },
  });
});
afterAll(() => world.stop());

const models = { path: "/openai/v1/models" };

describe("trust from Key Vault", () => {
  it("lets in a client whose root CA is a secret of the vault", async () => {
    expect((await world.ask(models)).status).toBe(200);
  });

  it("serves the vault's certificate and its chain", async () => {
    const socket = connect({ host: "localhost", port: world.certgate.port, ca: pki.root.pem });
    await once(socket, "secureConnect");
    expect(socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase()).toBe(
      pki.server.thumbprint,
    );
    socket.destroy();
  });

  it("follows a root rotation: the second root joins, then the first one leaves", async () => {
    const asRenewed = async () => (await world.ask(models, renewed.client)).headers["x-certgate-reason"];
    const asOld = async () => (await world.ask(models)).headers["x-certgate-reason"];
    expect(await asRenewed()).toBe("client_certificate_untrusted");

    world.azure.keyVault.contents.setSecret("device-roots", { value: pki.root.pem + renewed.root.pem });
    await expect.poll(asRenewed, { timeout: 10_000 }).toBeUndefined();
    expect(await asOld()).toBeUndefined();

    world.azure.keyVault.contents.setSecret("device-roots", { value: renewed.root.pem });
    await expect.poll(asOld, { timeout: 10_000 }).toBe("client_certificate_untrusted");
    expect(await asRenewed()).toBeUndefined();
  });

  it("keeps what it has while the vault is dead, and says so in /readyz", async () => {
    world.azure.keyVault.faults.always({ kind: "reset" });
    const stale = async () => {
      const { items } = (await (await world.admin("/readyz")).json()) as {
        items: { name: string; ok: boolean; detail?: string }[];
      };
      return (
        items.filter(({ detail }) => detail?.includes("the last value is used")).every(({ ok }) => ok) &&
        items.some(({ detail }) => detail?.includes("the last value is used"))
      );
    };
    await expect.poll(stale, { timeout: 20_000 }).toBe(true);
    expect((await world.ask(models, renewed.client)).status).toBe(200);
  });
});
