import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { certgateOnce } from "../support/cli.ts";
import { makeOcspResponse, ocspAccess } from "../support/ocsp-responses.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

let pki: TestPki;
let world: World;
/** A CA that publishes no CRL. */
let plant: Authority;
const clients: Record<string, IssuedCertificate> = {};
/** Serial numbers that the responder was asked about, and what it says. */
const asked: string[] = [];
const revoked = new Set<string>();

const responder = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const bytes = Buffer.concat(chunks);
    const [name, { serial }] = Object.entries(clients).find(([, one]) =>
      bytes.includes(Buffer.from(one.serial, "hex")),
    )!;
    asked.push(name);
    const status = revoked.has(name) ? { revokedAt: new Date(), reason: 4 } : ("good" as const);
    const issuer = name.startsWith("plant") ? plant : pki.intermediate;
    response.end(makeOcspResponse({ issuer, nonce: bytes.subarray(-32), answers: [{ serial, status }] }));
  });
});

beforeAll(async () => {
  pki = await createTestPki();
  plant = await createAuthority({ subject: "CN=Plant CA", issuer: pki.root });
  responder.listen(0, "127.0.0.1");
  await once(responder, "listening");
  const url = `http://127.0.0.1:${(responder.address() as AddressInfo).port}/`;
  for (const [name, ca] of Object.entries({
    listed: pki.intermediate,
    "plant-good": plant,
    "plant-revoked": plant,
    // Names an inside address itself, which only the configured one may have.
    "plant-named": plant,
  })) {
    const extraExtensions = name === "plant-named" ? [ocspAccess("http://169.254.169.254/")] : [];
    clients[name] = await ca.issue({ subject: `CN=${name}`, extraExtensions });
  }
  revoked.add("plant-revoked").add("listed");
  world = await startWorld({
    pki,
    configure(config) {
      config["trust"].revocation.ocsp = { mode: "after-crl", responderUrl: url };
      for (const [name, { thumbprint }] of Object.entries(clients))
        config["clients"][name] = { thumbprints: [thumbprint], deployments: ["gpt-test"] };
    },
  });
});
afterAll(async () => {
  await world.stop();
  responder.closeAllConnections();
  responder.close();
});

async function outcomeOf(name: string): Promise<unknown[]> {
  const { status, headers } = await world.ask({ path: "/openai/v1/models" }, clients[name]);
  return [status, headers["x-certgate-reason"]];
}

describe("with OCSP after the CRLs", () => {
  it("nobody is asked about a certificate on which a CRL has its word", async () => {
    expect(await outcomeOf("listed")).toEqual([200, undefined]);
    expect(asked).not.toContain("listed");
  });

  it("the configured responder is asked where there is no CRL, whatever the certificate names", async () => {
    expect(await outcomeOf("plant-good")).toEqual([200, undefined]);
    expect(await outcomeOf("plant-revoked")).toEqual([401, "client_certificate_revoked"]);
    expect(await outcomeOf("plant-named")).toEqual([200, undefined]);
    expect(asked.toSorted()).toEqual(["plant-good", "plant-named", "plant-revoked"]);
  });

  it("explain asks as serve does, and tells who said what", async () => {
    const explain = async (name: string) => {
      const cert = join(world.directory, `${name}.pem`);
      await writeFile(cert, clients[name]!.chainPem);
      return certgateOnce(["explain", "--config", join(world.directory, "certgate.yaml"), "--cert", cert]);
    };
    const [good, bad] = await Promise.all([explain("plant-good"), explain("plant-revoked")]);
    expect(good).toMatchObject({ code: 0, stdout: expect.stringMatching(/not revoked, says its OCSP resp/) });
    expect(bad).toMatchObject({ code: 3, stdout: expect.stringMatching(/\(superseded\), says its OCSP/) });
  });

  it("a responder is not asked again for each request", async () => {
    const before = asked.filter((name) => name === "plant-good").length;
    await Promise.all(Array.from({ length: 5 }, () => outcomeOf("plant-good")));
    expect(asked.filter((name) => name === "plant-good")).toHaveLength(before);
  });
});
