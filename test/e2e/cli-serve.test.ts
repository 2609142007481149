import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent } from "node:https";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type LocalAzure, startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import { type Asker, ask, begin } from "../support/ask.ts";
import { certgate, type Running } from "../support/cli.ts";
import { testPki, type TestPki } from "../support/test-pki.ts";

let folder: string;
let azure: LocalAzure;
let pki: TestPki;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "certgate-serve-"));
  pki = await testPki();
  azure = await startLocalAzure({
    tls: { cert: pki.server.chainPem, key: pki.server.keyPem },
    deployments: { "gpt-test": "gpt-4o" },
  });
  const files = {
    "root.pem": pki.root.pem,
    "server.pem": pki.server.chainPem,
    "server.key": pki.server.keyPem,
    "root.crl": pki.rootCrl.pem,
    "intermediate.crl": pki.intermediateCrl.pem,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
});
afterAll(async () => {
  await azure.stop();
  await rm(folder, { recursive: true, force: true });
});

const config = () => ({
  listen: { host: "127.0.0.1", port: 0, certificate: { file: "server.pem", keyFile: "server.key" } },
  admin: { port: 0 },
  trust: {
    anchors: [{ file: "root.pem" }] as object[],
    revocation: { crls: [{ file: "root.crl" }, { file: "intermediate.crl" }] as object[] },
  },
  credentials: { gateway: { type: "managed-identity" } },
  backends: { main: { endpoint: azure.openAi.url, credential: "gateway", caFile: "root.pem" } },
  deployments: { "gpt-test": { backend: "main" } },
  clients: { "device-1": { thumbprints: [pki.client.thumbprint], deployments: ["gpt-test"] } },
});

async function serve(written: object): Promise<Running> {
  const file = join(folder, "certgate.yaml");
  await writeFile(file, JSON.stringify(written));
  const running = certgate(["serve", "--config", file], {
    env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.managedIdentity.url },
  });
  onTestFinished(async () => {
    running.signal("SIGKILL");
    await running.ended;
  });
  return running;
}

async function serveAndWait(): Promise<{ running: Running; asker: Asker; adminPort: number }> {
  const running = await serve(config());
  const [, port, adminPort] = await running.wrote(
    /"port":(\d+),"adminPort":(\d+)[^\n]*certgate is listening/,
  );
  const asker = { port: Number(port), ca: pki.root.pem, client: pki.client };
  return { running, asker, adminPort: Number(adminPort) };
}

const question = {
  path: "/openai/v1/chat/completions",
  body: { model: "gpt-test", stream: true, messages: [{ role: "user", content: "one two three" }] },
};

/** A stream that stands still after its first event until `finish`. */
async function streamUnderWay(asker: Asker): Promise<{ answer: IncomingMessage; finish: () => void }> {
  const gate = Promise.withResolvers<void>();
  azure.openAi.setPace({ afterEvent: () => gate.promise });
  onTestFinished(() => azure.openAi.setPace({}));
  const answer = await begin(asker, question);
  await once(answer, "readable");
  return { answer, finish: gate.resolve };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

describe("certgate serve", () => {
  it("answers, logs JSON lines only, and ends at SIGTERM with exit code 0", async () => {
    const { running, asker } = await serveAndWait();
    const { body } = question;
    const answer = await ask(asker, { ...question, body: { ...body, stream: false } });
    expect(answer.json.choices[0].message.content).toBe("You said: one two three");
    running.signal("SIGTERM");
    const { code, stdout, stderr } = await running.ended;
    expect([code, stderr]).toEqual([0, ""]);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({ client: "device-1", status: 200, deployment: "gpt-test" }),
    );
    expect(lines.at(-1)).toMatchObject({ msg: "certgate has stopped" });
    expect(stdout).not.toContain("one two three");
  });

  it.each(["SIGTERM", "SIGINT"] as const)("lets a stream under way end after %s", async (signal) => {
    const { running, asker, adminPort } = await serveAndWait();
    const { answer, finish } = await streamUnderWay(asker);
    running.signal(signal);
    await running.wrote(/certgate is stopping/);
    // The admin app outlives the drain: a load balancer must be able to read why it should send nothing more.
    const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain("shutting down");
    await expect(ask(asker, question)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    finish();
    expect(await textOf(answer)).toContain("data: [DONE]");
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  });

  it("is not held up by connections that are only kept alive", async () => {
    const { running, asker } = await serveAndWait();
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    await ask({ ...asker, agent }, { path: "/openai/v1/models" });
    running.signal("SIGTERM");
    const began = performance.now();
    expect((await running.ended).code).toBe(0);
    // The grace for exchanges under way is 20 s.
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it.each([
    ["SIGTERM", "SIGTERM"],
    ["SIGTERM", "SIGINT"],
    ["SIGINT", "SIGTERM"],
  ] as const)(
    "ends at once at a second signal (%s, %s), though a stream is under way",
    async (first, second) => {
      const { running, asker } = await serveAndWait();
      const { answer } = await streamUnderWay(asker);
      const broken = textOf(answer).catch(String);
      running.signal(first);
      await running.wrote(/certgate is stopping/);
      running.signal(second);
      expect((await running.ended).code).toBe(130);
      expect(await broken).toMatch(/aborted|reset/i);
    },
  );

  it("ends at a signal while it still waits for a source, with exit code 0", async () => {
    const sockets = new Set<Socket>();
    // A server of CRLs that takes connections and never answers.
    const silent = createServer((socket) => sockets.add(socket)).listen(0, "127.0.0.1");
    onTestFinished(() => {
      silent.close();
      for (const socket of sockets) socket.destroy();
    });
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const written = config();
    written.trust.revocation.crls.push({ url: `http://127.0.0.1:${port}/late.crl` });
    const asked = once(silent, "connection");
    const running = await serve(written);
    await asked;
    running.signal("SIGTERM");
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
  });

  it.each([
    ["listen", "the gateway's port", "listen.port"],
    ["admin", "the admin port", "admin.port"],
  ] as const)("says in one line that the port of %s is busy, and ends", async (section, what, setting) => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const written = config();
    written[section].port = port;
    const { code, stderr } = await (await serve(written)).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^certgate serve: [^\n]+\n$/);
    expect(stderr).toContain(`${what} 127.0.0.1:${port} is in use already; choose another ${setting}`);
  });

  it("reads its configuration again at SIGHUP, and refuses one that is wrong", async () => {
    const { running, asker } = await serveAndWait();
    await writeFile(join(folder, "certgate.yaml"), JSON.stringify({ ...config(), listen: {} }));
    running.signal("SIGHUP");
    await running.wrote(/"reason":"[^\n]*listen\.certificate[^\n]*the one before serves on/);
    expect((await ask(asker, question)).status).toBe(200);
    await writeFile(
      join(folder, "certgate.yaml"),
      JSON.stringify({ ...config(), roles: { nothing: { deployments: [], operations: ["files"] } } }),
    );
    running.signal("SIGHUP");
    await running.wrote(/another configuration is in force/);
    expect((await ask(asker, question)).status).toBe(200);
  });
});
