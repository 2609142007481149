import { once } from "node:events";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuthority, type Authority, type IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { createTestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

const algorithms = ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] as const;

let world: World;
let root: Authority;
const devices = new Map<string, IssuedCertificate>();

beforeAll(async () => {
  const pki = await createTestPki();
  // Post-quantum from the anchor down: an ML-DSA root signs an ML-DSA intermediate, that one the devices.
  root = await createAuthority({ subject: "CN=PQ Root", keyAlgorithm: "ml-dsa-87" });
  const intermediate = await createAuthority({
    subject: "CN=PQ CA",
    issuer: root,
    keyAlgorithm: "ml-dsa-65",
  });
  for (const keyAlgorithm of algorithms)
    devices.set(keyAlgorithm, await intermediate.issue({ subject: `CN=${keyAlgorithm}`, keyAlgorithm }));
  const files = {
    "pq-root.pem": root.pem,
    "pq.crl": (await root.crl()).pem + (await intermediate.crl()).pem,
  };
  world = await startWorld({
    pki,
    files,
    configure(config) {
      config["trust"].anchors.push({ file: "pq-root.pem" });
      config["trust"].revocation.crls.push({ file: "pq.crl" });
      config["clients"]["device-1"].thumbprints.push(
        ...[...devices.values()].map(({ thumbprint }) => thumbprint),
      );
    },
  });
});
afterAll(() => world.stop());

describe("a post-quantum device", () => {
  it.each(algorithms)("with an %s certificate gets its completion", async (algorithm) => {
    const answer = await world.ask(
      { path: "/openai/v1/chat/completions", body: { model: "gpt-test", messages: [] } },
      devices.get(algorithm),
    );
    expect(answer.status).toBe(200);
  });

  it("agrees on its keys with X25519MLKEM768, offering nothing else", async () => {
    const device = devices.get("ml-dsa-65") as IssuedCertificate;
    const socket = connect({
      host: "localhost",
      port: world.certgate.port,
      ca: world.pki.root.pem,
      cert: device.chainPem,
      key: device.keyPem,
      ecdhCurve: "X25519MLKEM768",
    });
    await once(socket, "secureConnect");
    expect(socket.getProtocol()).toBe("TLSv1.3");
    socket.destroy();
  });
});
