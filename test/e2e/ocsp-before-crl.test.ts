import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type IssuedCertificate } from "../../src/dev/pki/authority.ts";
import { begin } from "../support/ask.ts";
import { noCheck, ocspAccess } from "../support/ocsp-responses.ts";
import {
  type IndexEntry,
  type OpensslResponder,
  opensslVersion,
  startOpensslResponder,
} from "../support/openssl-responder.ts";
import { createTestPki, type TestPki } from "../support/test-pki.ts";
import { startWorld, type World } from "../support/world.ts";

/** Accepts connections, reads what comes and never says a word. */
const mute = createServer((socket) => socket.resume().on("error", () => {}));
/** Answers everything with something else. */
const garbage = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello\n"));
});

let pki: TestPki;
let world: World;
/** A CA that publishes no CRL. */
let plant: Authority;
let responder: OpensslResponder;
let plantResponder: OpensslResponder;
const clients: Record<string, IssuedCertificate> = {};
const index: IndexEntry[] = [];

async function portOf(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const isThere = opensslVersion() !== undefined;

beforeAll(async () => {
  if (!isThere) return;
  pki = await createTestPki();
  plant = await createAuthority({ subject: "CN=Plant CA", issuer: pki.root });
  const delegate = await pki.intermediate.issue({
    subject: "CN=Responder",
    extendedKeyUsage: ["ocspSigning"],
    extraExtensions: [noCheck],
  });
  responder = await startOpensslResponder(pki.intermediate, [], { signer: delegate });
  plantResponder = await startOpensslResponder(plant, []);
  const silent = `http://127.0.0.1:${await portOf(mute)}/`;
  const babbling = `http://127.0.0.1:${await portOf(garbage)}/`;
  const issue = async (name: string, ca: Authority, url: string) => {
    clients[name] = await ca.issue({ subject: `CN=${name}`, extraExtensions: [ocspAccess(url)] });
  };
  await issue("good", pki.intermediate, responder.url);
  await issue("stolen", pki.intermediate, responder.url);
  await issue("streaming", pki.intermediate, responder.url);
  await issue("unlisted", pki.intermediate, responder.url);
  await issue("waiting", pki.intermediate, silent);
  await issue("revoked-by-crl", pki.intermediate, silent);
  await issue("misled", pki.intermediate, babbling);
  await issue("plant-good", plant, plantResponder.url);
  await issue("plant-unlisted", plant, plantResponder.url);
  await issue("plant-waiting", plant, silent);
  await issue("plant-misled", plant, babbling);

  index.push(
    { certificate: clients["good"]! },
    { certificate: clients["streaming"]! },
    { certificate: clients["stolen"]!, revoked: { at: new Date(), reason: "keyCompromise" } },
  );
  await responder.know(index);
  await plantResponder.know([{ certificate: clients["plant-good"]! }]);

  const crl = await pki.intermediate.crl({ revoked: [{ serial: clients["revoked-by-crl"]!.serial }] });
  world = await startWorld({
    pki,
    files: { "intermediate.crl": crl.pem },
    configure(config) {
      config["trust"].revocation.ocsp = {
        mode: "before-crl",
        nonce: "required",
        timeoutSeconds: 1,
        maxAgeSeconds: 6,
        allowPrivateAddresses: true,
      };
      for (const [name, { thumbprint }] of Object.entries(clients))
        config["clients"][name] = { thumbprints: [thumbprint], deployments: ["gpt-test"] };
    },
  });
});
afterAll(async () => {
  if (!isThere) return;
  await world.stop();
  await Promise.all([responder.stop(), plantResponder.stop()]);
  mute.close();
  garbage.close();
});
afterEach(() => {
  if (isThere) world.azure.openAi.setPace({});
});

async function outcomeOf(name: string): Promise<unknown[]> {
  const { status, headers } = await world.ask({ path: "/openai/v1/models" }, clients[name]);
  return [status, headers["x-certgate-reason"]];
}

describe.skipIf(!isThere)("with OCSP before the CRLs", () => {
  it("a responder's good lets in", async () => {
    expect(await outcomeOf("good")).toEqual([200, undefined]);
  });

  it("a responder's revoked refuses, although the CRL does not know of it yet", async () => {
    expect(await outcomeOf("stolen")).toEqual([401, "client_certificate_revoked"]);
  });

  it("the CRL answers where the responder hangs, says something else, or does not know", async () => {
    const names = ["waiting", "misled", "unlisted"];
    expect(await Promise.all(names.map(outcomeOf))).toEqual(names.map(() => [200, undefined]));
    expect(await outcomeOf("revoked-by-crl")).toEqual([401, "client_certificate_revoked"]);
  });

  it("a CA without CRLs needs its responder: without an answer nobody gets in", async () => {
    expect(await outcomeOf("plant-good")).toEqual([200, undefined]);
    for (const name of ["plant-unlisted", "plant-waiting", "plant-misled"])
      expect([name, ...(await outcomeOf(name))]).toEqual([name, 503, "revocation_unavailable"]);
  });

  it("a refusal says what was missing, and never where the responder is", async () => {
    const { json, text } = await world.ask({ path: "/openai/v1/models" }, clients["plant-waiting"]);
    expect(json.error.message).toMatch(/OCSP responder did not answer in time/);
    expect(text).not.toMatch(/127\.0\.0\.1/);
  });

  it("an answer that turns to revoked cuts a running stream", { timeout: 30_000 }, async () => {
    world.azure.openAi.setPace({ bytes: 1_000_000_000, chunkBytes: 100, intervalMs: 20 });
    const client = clients["streaming"]!;
    const answer = await begin(
      { port: world.certgate.port, ca: pki.root.pem, client },
      {
        path: "/openai/v1/chat/completions",
        body: { model: "gpt-test", stream: true, messages: [{ role: "user", content: "go on" }] },
      },
    );
    expect(answer.statusCode).toBe(200);
    let pieces = 0;
    answer.on("data", () => (pieces += 1));
    answer.on("error", () => {});
    const ended = new Promise((resolve) => {
      answer.once("close", resolve);
    });
    // 50 pieces a second: it outlives several renewals of its answer before anything changes.
    await expect.poll(() => pieces, { timeout: 20_000 }).toBeGreaterThan(400);

    await responder.know([...index.slice(0, 1), { certificate: client, revoked: { at: new Date() } }]);
    await ended;
    await expect
      .poll(async () =>
        (await world.log()).find((line) => line["msg"] === "request" && line["client"] === "streaming"),
      )
      .toMatchObject({ reason: "client_certificate_revoked" });
    expect(await outcomeOf("streaming")).toEqual([401, "client_certificate_revoked"]);
  });
});
