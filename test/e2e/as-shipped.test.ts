import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asShipped } from "../../scripts/as-shipped.ts";
import { buildBeside } from "../../scripts/build.ts";
import { ask } from "../support/ask.ts";
import { certgateOnce } from "../support/cli.ts";
import { type FleetWorld, startFleetWorld } from "../support/fleet.ts";

let folder: string;
let program: readonly string[];
let world: FleetWorld;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "certgate-built-"));
  const built = join(folder, "certgate");
  const [{ options, env }] = await Promise.all([asShipped(), buildBeside(built)]);
  program = [...options, join(built, "bin/certgate.mjs")];
  world = await startFleetWorld({ env, program });
});
afterAll(async () => {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

/** How many sessions a client is offered until its first request is answered. */
async function sessionsOffered(port: number): Promise<number> {
  const { pki } = world;
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: pki.root.pem,
    cert: pki.client.chainPem,
    key: pki.client.keyPem,
    minVersion: "TLSv1.3",
  });
  let offered = 0;
  socket.on("session", () => (offered += 1));
  socket.write("GET /openai/v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n");
  // With the answer everything has come that follows a handshake.
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(answer.toString("latin1")).toMatch(/^HTTP\/1\.1 200 /);
  return offered;
}

const ways: [what: string, words: string[]][] = [
  ["one process", []],
  ["workers", ["--workers", "2"]],
];

describe("built and started as the image does", () => {
  it.each(ways)("%s: a TLS 1.3 client is offered no session to resume", async (_what, words) => {
    const { port } = await world.serveAndWait(words);
    expect(await sessionsOffered(port)).toBe(0);
  });

  it.each(ways)("%s: requests reach the backend with the gateway's identity", async (_what, words) => {
    const { asker, admin } = await world.serveAndWait(words);
    const body = { model: "gpt-test", messages: [{ role: "user", content: "hello" }] };
    expect(await ask(asker, { path: "/openai/v1/chat/completions", body })).toMatchObject({ status: 200 });
    expect((await admin("/readyz")).status).toBe(200);
  });

  it("says of a wrong configuration what the sources say", async () => {
    const file = join(folder, "wrong.yaml");
    await writeFile(file, "listen: { host: 5, port: x, certificate: {} }\ndeployments: 3\nunknown: 1\n");
    const words = ["check", "--config", file];
    const [built, sources] = await Promise.all([certgateOnce(words, { program }), certgateOnce(words)]);
    expect(built).toEqual(sources);
    expect(`${built.stdout}${built.stderr}`).toContain("listen.host: must be text, not the number 5");
  });

  it.each(ways)("%s: a CRL that is large enough for the thread is read", async (_what, words) => {
    const { pki, folder: files } = world;
    const revoked = Array.from({ length: 15_000 }, (_, at) => ({ serial: (0x4000_0000 + at).toString(16) }));
    revoked.push({ serial: pki.client.serial });
    await writeFile(join(files, "large.crl"), (await pki.intermediate.crl({ number: 2, revoked })).pem);
    const { asker } = await world.serveAndWait(words, (config) => {
      config["trust"].revocation.crls = [{ file: "root.crl" }, { file: "large.crl" }];
    });
    const { headers } = await ask(asker, { path: "/openai/v1/models" });
    expect(headers["x-certgate-reason"]).toBe("client_certificate_revoked");
  });
});
